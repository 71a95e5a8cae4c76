"""Watch a run on SLURM: report when no job ends, and end a run that waits for no job."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hmmlens.study.cluster import queue


class Watch:
    """Look at the queue of a run at regular intervals.

    Parameters
    ----------
    run : str
        ID of the run.
    report_after : float
        Minutes without an ended job, after which the user gets a line, and again after as many
        minutes; also the minutes after which a run is ended whose jobs are all gone from the queue.
    busy : callable
        Returns whether jobs run on this machine.
    report : callable
        Prints a line to the user.
    give_up : callable
        Ends the run and prints the reason, its argument.
    clock : callable
        Returns the seconds of a monotonic clock.
    """

    def __init__(
        self,
        run: str,
        report_after: float,
        busy: Callable[[], bool],
        report: Callable[[str], None],
        give_up: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run, self.seconds = run, 60 * report_after
        self.busy, self.report, self.give_up = busy, report, give_up
        self._seen: set[str] = set()
        self.clock = clock
        self._changed = self._reported = self._alive = clock()

    def start(self) -> None:
        """Look six times within ``report_after``, or once a minute, until the process ends."""
        every = min(60.0, self.seconds / 6)

        threading.Thread(target=self._repeat, args=(every,), name="watch", daemon=True).start()

    def _repeat(self, every: float) -> None:
        while True:
            time.sleep(every)
            self.look()

    def look(self) -> None:
        """Ask the queue once, and report to the user or end the run where it is due."""
        now = self.clock()
        try:
            queued = queue.jobs(self.run)
        except queue.QueueError as error:
            self._alive = now
            self._report_idle(now, f"{error}.")
            return
        numbers = {job.number for job in queued}
        # A job that is gone has ended; one that is new was submitted after another had ended.
        if numbers != self._seen:
            self._changed = self._reported = now
        self._seen = numbers
        if numbers or self.busy():
            self._alive = now
        if now - self._alive >= self.seconds:
            self.give_up(
                "SLURM has no jobs of this run and none runs here, but Snakemake still waits for "
                f"some, since {(now - self._alive) / 60:.0f} min. The run ends now; start it again."
            )
        elif numbers:
            self._report_idle(now, f"{queue.summary(queued)}. See: squeue --name={self.run}")

    def _report_idle(self, now: float, text: str) -> None:
        if now - max(self._reported, self._changed) >= self.seconds:
            self.report(f"No SLURM job has ended for {(now - self._changed) / 60:.0f} min: {text}")
            self._reported = now
