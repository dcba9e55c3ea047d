"""What the zone says to questions, to other names, and to what is no question."""

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.update
import pytest
from dns.rcode import Rcode
from hypothesis import given
from hypothesis import strategies as st

from payment_dr.core.settings import DnsSettings
from payment_dr.lab.network.zone import PACKET_MAX_BYTES, Zone

NAME = "api.payments.example"
zone = Zone(DnsSettings(name=NAME, ttl_s=7), lambda: "127.0.2.1")


def ask(message: dns.message.Message) -> dns.message.Message:
    reply = zone.respond(message.to_wire())
    assert reply is not None
    answer = dns.message.from_wire(reply)
    assert answer.id == message.id
    return answer


@pytest.mark.parametrize("name", [NAME, NAME.upper(), f"{NAME}."])
@pytest.mark.parametrize("edns", [-1, 0])
def test_the_name_has_the_address_of_now_and_its_time_to_live(name: str, edns: int) -> None:
    answer = ask(dns.message.make_query(name, "A", use_edns=edns))
    assert answer.rcode() == Rcode.NOERROR
    assert answer.flags & dns.flags.AA
    (rrset,) = answer.answer
    assert (rrset.ttl, [r.address for r in rrset]) == (7, ["127.0.2.1"])


def test_the_name_has_records_of_no_other_type() -> None:
    answer = ask(dns.message.make_query(NAME, "AAAA"))
    assert (answer.rcode(), answer.answer) == (Rcode.NOERROR, [])


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("other.payments.example", Rcode.NXDOMAIN),
        ("payments.example", Rcode.NXDOMAIN),
        ("example", Rcode.REFUSED),
        ("api.payments.test", Rcode.REFUSED),
        (".", Rcode.REFUSED),
    ],
)
def test_other_names_do_not_exist_and_foreign_ones_are_refused(name: str, code: Rcode) -> None:
    answer = ask(dns.message.make_query(name, "A"))
    assert (answer.rcode(), answer.answer) == (code, [])


def test_other_classes_and_operations_are_not_served() -> None:
    chaos = dns.message.make_query(NAME, "TXT", dns.rdataclass.CH)
    assert ask(chaos).rcode() == Rcode.REFUSED
    update = dns.update.UpdateMessage("payments.example")
    update.add("api", 60, "A", "192.0.2.1")
    assert ask(update).rcode() == Rcode.NOTIMP


def test_a_message_without_or_with_two_questions_is_malformed() -> None:
    message = dns.message.make_query(NAME, "A")
    message.question = []
    assert ask(message).rcode() == Rcode.FORMERR
    two = dns.message.make_query(NAME, "A")
    two.question += dns.message.make_query("x.payments.example", "A").question
    assert ask(two).rcode() == Rcode.FORMERR


def test_a_broken_question_is_malformed_under_its_own_id() -> None:
    packet = dns.message.make_query(NAME, "A").to_wire()
    reply = zone.respond(packet[:-1])
    assert reply is not None
    assert reply[:2] == packet[:2]
    assert dns.message.from_wire(reply).rcode() == Rcode.FORMERR


def test_responses_and_scraps_and_giants_are_left_unanswered() -> None:
    query = dns.message.make_query(NAME, "A")
    assert zone.respond(dns.message.make_response(query).to_wire()) is None
    assert zone.respond(b"\0" * 11) is None
    assert zone.respond(query.to_wire() + bytes(PACKET_MAX_BYTES)) is None


@given(st.binary(max_size=80), st.integers(0, 60), st.binary(max_size=12))
def test_no_garbage_makes_it_raise(noise: bytes, place: int, scraps: bytes) -> None:
    packet = dns.message.make_query(NAME, "A", use_edns=0, id=1).to_wire()
    for damaged in (noise, packet[:place] + scraps + packet[place + len(scraps) :]):
        reply = zone.respond(damaged)
        assert reply is None or reply[:2] == damaged[:2]
