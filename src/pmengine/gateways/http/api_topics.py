"""The operations about topics."""

from __future__ import annotations

from typing import Final

from pmengine.gateways.http import answers, requests, titling
from pmengine.gateways.http.operations import Answer, Operation
from pmengine.gateways.http.reasons import MALFORMED, WRITING

_TOPIC: Final = {"topic": "football", "name": "Football", "active": True}
_ITS_ID: Final = {"changeTopic": {"topic": "$response.body#/topic"}}

TOPICS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/topics",
        handle=titling.list_topics,
        name="listTopics",
        says="What events are about: every topic by its id.",
        answers={200: Answer(answers.TopicList, "The topics.", {"items": [_TOPIC], "next": None})},
        problems={400: MALFORMED},
    ),
    Operation(
        method="POST",
        path="/topics",
        handle=titling.add_topic,
        name="addTopic",
        says="Add a topic (admin); the same again changes nothing.",
        body=requests.NewTopic,
        body_example={"topic": "football", "name": "Football"},
        answers={201: Answer(answers.TopicView, "The topic.", _TOPIC, _ITS_ID)},
        problems=WRITING,
    ),
    Operation(
        method="PATCH",
        path="/topics/{topic}",
        handle=titling.change_topic,
        name="changeTopic",
        says="Rename a topic (admin), or take it out of use or back.",
        parameters=requests.TopicPath,
        body=requests.TopicChange,
        body_example={"active": False},
        answers={200: Answer(answers.TopicView, "The topic.", {**_TOPIC, "active": False})},
        problems={**WRITING, 404: "There is no such topic."},
    ),
)
