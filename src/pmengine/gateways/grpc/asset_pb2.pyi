from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Side(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIDE_UNSPECIFIED: _ClassVar[Side]
    SIDE_BUY: _ClassVar[Side]
    SIDE_SELL: _ClassVar[Side]

class OrderType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_TYPE_UNSPECIFIED: _ClassVar[OrderType]
    ORDER_TYPE_LIMIT: _ClassVar[OrderType]
    ORDER_TYPE_MARKET: _ClassVar[OrderType]

class TimeInForce(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TIME_IN_FORCE_UNSPECIFIED: _ClassVar[TimeInForce]
    TIME_IN_FORCE_GTC: _ClassVar[TimeInForce]
    TIME_IN_FORCE_GTD: _ClassVar[TimeInForce]
    TIME_IN_FORCE_IOC: _ClassVar[TimeInForce]
    TIME_IN_FORCE_FOK: _ClassVar[TimeInForce]

class SelfTrade(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SELF_TRADE_UNSPECIFIED: _ClassVar[SelfTrade]
    SELF_TRADE_CANCEL_TAKER: _ClassVar[SelfTrade]
    SELF_TRADE_CANCEL_MAKER: _ClassVar[SelfTrade]
    SELF_TRADE_CANCEL_BOTH: _ClassVar[SelfTrade]
    SELF_TRADE_NONE: _ClassVar[SelfTrade]

class OrderStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_STATUS_UNSPECIFIED: _ClassVar[OrderStatus]
    ORDER_STATUS_NEW: _ClassVar[OrderStatus]
    ORDER_STATUS_PARTIALLY_FILLED: _ClassVar[OrderStatus]
    ORDER_STATUS_FILLED: _ClassVar[OrderStatus]
    ORDER_STATUS_CANCELLED: _ClassVar[OrderStatus]
    ORDER_STATUS_REJECTED: _ClassVar[OrderStatus]

class MatchType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MATCH_TYPE_UNSPECIFIED: _ClassVar[MatchType]
    MATCH_TYPE_NORMAL: _ClassVar[MatchType]
    MATCH_TYPE_MINT: _ClassVar[MatchType]
    MATCH_TYPE_MERGE: _ClassVar[MatchType]

class MarketState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MARKET_STATE_UNSPECIFIED: _ClassVar[MarketState]
    MARKET_STATE_RESOLVED: _ClassVar[MarketState]
    MARKET_STATE_VOID: _ClassVar[MarketState]
SIDE_UNSPECIFIED: Side
SIDE_BUY: Side
SIDE_SELL: Side
ORDER_TYPE_UNSPECIFIED: OrderType
ORDER_TYPE_LIMIT: OrderType
ORDER_TYPE_MARKET: OrderType
TIME_IN_FORCE_UNSPECIFIED: TimeInForce
TIME_IN_FORCE_GTC: TimeInForce
TIME_IN_FORCE_GTD: TimeInForce
TIME_IN_FORCE_IOC: TimeInForce
TIME_IN_FORCE_FOK: TimeInForce
SELF_TRADE_UNSPECIFIED: SelfTrade
SELF_TRADE_CANCEL_TAKER: SelfTrade
SELF_TRADE_CANCEL_MAKER: SelfTrade
SELF_TRADE_CANCEL_BOTH: SelfTrade
SELF_TRADE_NONE: SelfTrade
ORDER_STATUS_UNSPECIFIED: OrderStatus
ORDER_STATUS_NEW: OrderStatus
ORDER_STATUS_PARTIALLY_FILLED: OrderStatus
ORDER_STATUS_FILLED: OrderStatus
ORDER_STATUS_CANCELLED: OrderStatus
ORDER_STATUS_REJECTED: OrderStatus
MATCH_TYPE_UNSPECIFIED: MatchType
MATCH_TYPE_NORMAL: MatchType
MATCH_TYPE_MINT: MatchType
MATCH_TYPE_MERGE: MatchType
MARKET_STATE_UNSPECIFIED: MarketState
MARKET_STATE_RESOLVED: MarketState
MARKET_STATE_VOID: MarketState

class DepositRequest(_message.Message):
    __slots__ = ("id", "user_id", "amount", "shard")
    ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    id: str
    user_id: str
    amount: str
    shard: int
    def __init__(self, id: _Optional[str] = ..., user_id: _Optional[str] = ..., amount: _Optional[str] = ..., shard: _Optional[int] = ...) -> None: ...

class WithdrawRequest(_message.Message):
    __slots__ = ("id", "amount", "shard")
    ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    id: str
    amount: str
    shard: int
    def __init__(self, id: _Optional[str] = ..., amount: _Optional[str] = ..., shard: _Optional[int] = ...) -> None: ...

class CreateOrderRequest(_message.Message):
    __slots__ = ("client_order_id", "event_id", "market_id", "token_id", "side", "type", "price", "quantity", "volume", "time_in_force", "expires_at_ms", "post_only", "self_trade", "group", "session", "valid_until_ms")
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    TIME_IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    POST_ONLY_FIELD_NUMBER: _ClassVar[int]
    SELF_TRADE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    client_order_id: str
    event_id: int
    market_id: int
    token_id: str
    side: Side
    type: OrderType
    price: str
    quantity: str
    volume: str
    time_in_force: TimeInForce
    expires_at_ms: int
    post_only: bool
    self_trade: SelfTrade
    group: str
    session: str
    valid_until_ms: int
    def __init__(self, client_order_id: _Optional[str] = ..., event_id: _Optional[int] = ..., market_id: _Optional[int] = ..., token_id: _Optional[str] = ..., side: _Optional[_Union[Side, str]] = ..., type: _Optional[_Union[OrderType, str]] = ..., price: _Optional[str] = ..., quantity: _Optional[str] = ..., volume: _Optional[str] = ..., time_in_force: _Optional[_Union[TimeInForce, str]] = ..., expires_at_ms: _Optional[int] = ..., post_only: _Optional[bool] = ..., self_trade: _Optional[_Union[SelfTrade, str]] = ..., group: _Optional[str] = ..., session: _Optional[str] = ..., valid_until_ms: _Optional[int] = ...) -> None: ...

class CancelOrderRequest(_message.Message):
    __slots__ = ("order_id",)
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    def __init__(self, order_id: _Optional[str] = ...) -> None: ...

class PairRequest(_message.Message):
    __slots__ = ("id", "event_id", "market_id", "amount")
    ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    id: str
    event_id: int
    market_id: int
    amount: str
    def __init__(self, id: _Optional[str] = ..., event_id: _Optional[int] = ..., market_id: _Optional[int] = ..., amount: _Optional[str] = ...) -> None: ...

class RedeemRequest(_message.Message):
    __slots__ = ("event_id", "market_id")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: int
    market_id: int
    def __init__(self, event_id: _Optional[int] = ..., market_id: _Optional[int] = ...) -> None: ...

class BalanceRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Cash(_message.Message):
    __slots__ = ("available", "frozen")
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    FROZEN_FIELD_NUMBER: _ClassVar[int]
    available: str
    frozen: str
    def __init__(self, available: _Optional[str] = ..., frozen: _Optional[str] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("token_id", "available", "frozen")
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    FROZEN_FIELD_NUMBER: _ClassVar[int]
    token_id: str
    available: str
    frozen: str
    def __init__(self, token_id: _Optional[str] = ..., available: _Optional[str] = ..., frozen: _Optional[str] = ...) -> None: ...

class Account(_message.Message):
    __slots__ = ("user_id", "cash", "positions", "cash_by_shard")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CASH_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    CASH_BY_SHARD_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    cash: Cash
    positions: _containers.RepeatedCompositeFieldContainer[Position]
    cash_by_shard: _containers.RepeatedCompositeFieldContainer[Cash]
    def __init__(self, user_id: _Optional[str] = ..., cash: _Optional[_Union[Cash, _Mapping]] = ..., positions: _Optional[_Iterable[_Union[Position, _Mapping]]] = ..., cash_by_shard: _Optional[_Iterable[_Union[Cash, _Mapping]]] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ("id", "client_order_id", "event_id", "market_id", "token_id", "side", "type", "time_in_force", "post_only", "status", "price", "quantity", "filled_quantity", "remaining_quantity", "timestamp", "version", "average_price", "volume", "spent", "expires_at_ms", "group", "session")
    ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TIME_IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    POST_ONLY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    FILLED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    REMAINING_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_PRICE_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    SPENT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    client_order_id: str
    event_id: int
    market_id: int
    token_id: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    status: OrderStatus
    price: str
    quantity: str
    filled_quantity: str
    remaining_quantity: str
    timestamp: int
    version: int
    average_price: str
    volume: str
    spent: str
    expires_at_ms: int
    group: str
    session: str
    def __init__(self, id: _Optional[str] = ..., client_order_id: _Optional[str] = ..., event_id: _Optional[int] = ..., market_id: _Optional[int] = ..., token_id: _Optional[str] = ..., side: _Optional[_Union[Side, str]] = ..., type: _Optional[_Union[OrderType, str]] = ..., time_in_force: _Optional[_Union[TimeInForce, str]] = ..., post_only: _Optional[bool] = ..., status: _Optional[_Union[OrderStatus, str]] = ..., price: _Optional[str] = ..., quantity: _Optional[str] = ..., filled_quantity: _Optional[str] = ..., remaining_quantity: _Optional[str] = ..., timestamp: _Optional[int] = ..., version: _Optional[int] = ..., average_price: _Optional[str] = ..., volume: _Optional[str] = ..., spent: _Optional[str] = ..., expires_at_ms: _Optional[int] = ..., group: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class Trade(_message.Message):
    __slots__ = ("trade_id", "event_id", "market_id", "token_id", "side", "price", "quantity", "match_type", "timestamp")
    TRADE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    MATCH_TYPE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    trade_id: int
    event_id: int
    market_id: int
    token_id: str
    side: Side
    price: str
    quantity: str
    match_type: MatchType
    timestamp: int
    def __init__(self, trade_id: _Optional[int] = ..., event_id: _Optional[int] = ..., market_id: _Optional[int] = ..., token_id: _Optional[str] = ..., side: _Optional[_Union[Side, str]] = ..., price: _Optional[str] = ..., quantity: _Optional[str] = ..., match_type: _Optional[_Union[MatchType, str]] = ..., timestamp: _Optional[int] = ...) -> None: ...

class CreateOrderReply(_message.Message):
    __slots__ = ("order", "trades", "known")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    TRADES_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    order: Order
    trades: _containers.RepeatedCompositeFieldContainer[Trade]
    known: bool
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ..., trades: _Optional[_Iterable[_Union[Trade, _Mapping]]] = ..., known: _Optional[bool] = ...) -> None: ...

class CancelOrderReply(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: Order
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ...) -> None: ...

class RedeemReply(_message.Message):
    __slots__ = ("account", "state", "payouts", "paid")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAYOUTS_FIELD_NUMBER: _ClassVar[int]
    PAID_FIELD_NUMBER: _ClassVar[int]
    account: Account
    state: MarketState
    payouts: _containers.RepeatedCompositeFieldContainer[Payout]
    paid: bool
    def __init__(self, account: _Optional[_Union[Account, _Mapping]] = ..., state: _Optional[_Union[MarketState, str]] = ..., payouts: _Optional[_Iterable[_Union[Payout, _Mapping]]] = ..., paid: _Optional[bool] = ...) -> None: ...

class Payout(_message.Message):
    __slots__ = ("token_id", "payout")
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_FIELD_NUMBER: _ClassVar[int]
    token_id: str
    payout: str
    def __init__(self, token_id: _Optional[str] = ..., payout: _Optional[str] = ...) -> None: ...
