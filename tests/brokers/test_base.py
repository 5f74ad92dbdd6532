"""What the words of the broker interface make impossible."""

import pytest

from brokers.base import Refused, Unknown, VenueAnswer


def answer(status: int) -> VenueAnswer:
    return VenueAnswer(status=status, code=0, text="said so", at_ns=1)


@pytest.mark.parametrize("status", [200, 302, 408, 425, 429, 500, 503, 504])
def test_an_answer_that_leaves_it_open_is_no_refusal(status: int) -> None:
    """EX-6: a time-out, a rate limit or a 5xx cannot be written down as a rejection."""
    with pytest.raises(ValueError, match="its fate is Unknown"):
        Refused(client_order_id="a-1", answer=answer(status))
    assert Unknown(client_order_id="a-1", cause=f"HTTP {status}").cause


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_the_venues_own_no_is_a_refusal(status: int) -> None:
    """EX-6: a 4xx that was received whole is the venue's word."""
    assert Refused(client_order_id="a-1", answer=answer(status)).answer.status == status
