"""What the engine's tests share: failed assertions of their witnesses are explained."""

import pytest

pytest.register_assert_rewrite("tests.engine.witnesses", "tests.engine.scenario")
