"""A watch beside a run on SLURM: it tells when nothing ends, and ends what waits for nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hmmlens.study.cluster import queue


class Watch:
    """Look at the queue now and then.

    Parameters
    ----------
    run : ID of the run.
    tell_after : minutes without an ended job, after which the user is told, and again later; and
        minutes after which a run is given up whose jobs are all gone from the queue.
    busy : tells whether jobs run on this machine.
    tell : prints a line to the user.
    give_up : ends the run, for a reason that it tells.
    clock : returns seconds that only go forward.
    """

    def __init__(
        self,
        run: str,
        tell_after: float,
        busy: Callable[[], bool],
        tell: Callable[[str], None],
        give_up: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run, self.seconds = run, 60 * tell_after
        self.busy, self.tell, self.give_up = busy, tell, give_up
        self._seen: set[str] = set()
        self.clock = clock
        self._moved = self._told = self._alive = clock()

    def start(self) -> None:
        """Look six times within ``tell_after``, once a minute at least, until the process ends."""
        every = min(60.0, self.seconds / 6)

        def repeat() -> None:
            while True:
                time.sleep(every)
                self.look()

        threading.Thread(target=repeat, name="watch", daemon=True).start()

    def look(self) -> None:
        """Ask the queue once, and report what is to be reported."""
        now = self.clock()
        try:
            found = queue.jobs(self.run)
        except queue.QueueError as error:
            self._alive = now
            self._say(now, f"{error}.")
            return
        numbers = {job.number for job in found}
        # A job that is gone has ended; one that is new was submitted after another had ended.
        if numbers != self._seen:
            self._moved = self._told = now
        self._seen = numbers
        if numbers or self.busy():
            self._alive = now
        if now - self._alive >= self.seconds:
            self.give_up(
                "SLURM has no jobs of this run and none runs here, but Snakemake still waits for "
                f"some, since {(now - self._alive) / 60:.0f} min. The run ends now; start it again."
            )
        elif numbers:
            self._say(now, f"{queue.summary(found)}. See: squeue --name={self.run}")

    def _say(self, now: float, text: str) -> None:
        if now - max(self._told, self._moved) >= self.seconds:
            self.tell(f"No SLURM job has ended for {(now - self._moved) / 60:.0f} min: {text}")
            self._told = now
