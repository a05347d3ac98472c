"""Skips under CI are failures: a real component that is missing there is a fault of the set-up."""

import os

import pytest

DECLARED = "declares that it"
"""How the conformance suites pass over what an adapter's capabilities leave out: nothing is missing then."""


class NoSkips:
    """Collects every skip of a session and fails it at the end, naming them."""

    def __init__(self) -> None:
        self.skipped: list[str] = []

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            if DECLARED not in str(why):
                self.skipped.append(f"{report.nodeid}: {why}")

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.skipped:
            terminalreporter.section("skipped, which fails under CI", red=True, bold=True)
            for line in self.skipped:
                terminalreporter.line(line, red=True)


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CI"):
        config.pluginmanager.register(NoSkips(), "no-skips")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("chaos", "the chaos test (tests/chaos)")
    group.addoption("--chaos-seconds", type=float, default=15.0, help="for how long processes are killed")
    group.addoption("--chaos-seed", type=int, help="the same kills at the same times as in another run")
    group.addoption("--chaos-broker", default="nats", choices=("nats", "cluster", "sqlite"), help="what they work on")
