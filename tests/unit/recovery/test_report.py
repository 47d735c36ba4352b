"""The report of a failover, from a journal."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import report

JOURNAL = {
    "pair": "shop", "from": "east", "to": "west", "mode": "planned", "who": "a <b>", "unfenced": "", "accepted": [],
    "rto_minutes": 60, "rpo_minutes": 15, "began": "2026-12-01T03:00:00.000Z", "ended": "2026-12-01T03:01:00.500Z",
    "result": "done", "secrets": [], "secret_ids": {"app": "east-app"},
    "checks": [{"result": "fail", "cell": "west", "what": "lag", "detail": "5 s"}],
    "steps": [
        {"step": "fence", "began": "2026-12-01T03:00:10.000Z", "ended": "", "detail": {}},
        {"step": "fence", "began": "2026-12-01T03:00:20.000Z", "ended": "2026-12-01T03:00:25.000Z", "detail": {"roles": ["a"]}},
        {"step": "let in", "began": "2026-12-01T03:00:25.000Z", "ended": "2026-12-01T03:00:40.000Z", "detail": {}},
    ],
}  # fmt: skip


class Page(HTMLParser):
    """The tags that are open, and all text."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.bars = [], "", []

    def handle_starttag(self, tag, attrs):
        if tag == "rect":
            self.bars.append(dict(attrs))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_times_are_told_by_step_and_until_it_could_be_written_to():
    told = report.summary(JOURNAL)
    assert (told["seconds"], told["seconds_until_writable"]) == (60.5, 40.0)
    assert told["seconds_by_step"] == {"fence": 5.0, "let in": 15.0}
    assert told["steps"][0]["seconds"] is None, "a step that was killed has no end"
    assert "secret_ids" not in told


@pytest.mark.parametrize(("leads", "seconds"), [(True, 55.0), (False, None)])
def test_a_wait_that_ended_without_the_clients_is_no_time_until_they_were_led(leads, seconds):
    waited = {"step": "public name", "began": "2026-12-01T03:00:40.000Z", "ended": "2026-12-01T03:00:55.000Z"}
    kept = {**JOURNAL, "steps": [*JOURNAL["steps"], {**waited, "detail": {"leads": leads}}]}
    assert report.summary(kept)["seconds_until_led"] == seconds
    assert ("Clients led there after" in report.page(kept)) == leads


def test_a_run_that_did_not_end_has_no_time():
    told = report.summary({**JOURNAL, "ended": "", "steps": []})
    assert (told["seconds"], told["seconds_until_writable"]) == (None, None)
    assert "unfinished" in report.page({**JOURNAL, "ended": "", "result": "", "steps": []})


def test_the_page_is_whole_and_says_what_happened():
    page = Page()
    page.feed(report.page(JOURNAL))
    assert page.open == []
    assert "a <b>" in page.text, "text is text"
    assert "60.5 s of at most 60 min" in page.text
    assert 'roles: ["a"]' in page.text
    assert [float(bar["width"]) for bar in page.bars] == [70, 210], "as long as the steps took, of 40 s"


def test_what_was_not_fenced_is_on_the_page():
    assert "east, by consent of" in report.page({**JOURNAL, "unfenced": "east"})
