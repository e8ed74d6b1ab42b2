"""Who may come in: callers, their tokens and API keys, and how much they may ask."""

from pmengine.gateways.auth.addresses import Origins, parse_networks
from pmengine.gateways.auth.caller import EVERYTHING, Caller, NotAdmitted, Scope, is_user_id
from pmengine.gateways.auth.credentials import CredentialDoor
from pmengine.gateways.auth.door import Door, OpenDoor, Shown
from pmengine.gateways.auth.key_records import (
    KEY_STREAM,
    Key,
    KeyCreated,
    KeyRevoked,
    Keys,
    encode_record,
)
from pmengine.gateways.auth.key_ring import KeyRing
from pmengine.gateways.auth.key_text import digest_of, new_key
from pmengine.gateways.auth.limits import Buckets, Limits
from pmengine.gateways.auth.public_keys import KeyFile, PublicKeys, UnusableKey, read_public_keys
from pmengine.gateways.auth.tokens import SECRET_BYTES_MIN, SharedSecret, Tokens

__all__ = [
    "Buckets",
    "Caller",
    "CredentialDoor",
    "Door",
    "EVERYTHING",
    "KEY_STREAM",
    "Key",
    "KeyCreated",
    "KeyRevoked",
    "KeyRing",
    "KeyFile",
    "Keys",
    "Limits",
    "NotAdmitted",
    "OpenDoor",
    "Origins",
    "PublicKeys",
    "SECRET_BYTES_MIN",
    "Scope",
    "SharedSecret",
    "Shown",
    "Tokens",
    "UnusableKey",
    "digest_of",
    "encode_record",
    "is_user_id",
    "new_key",
    "parse_networks",
    "read_public_keys",
]
