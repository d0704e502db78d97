"""The status of a sweep as it is printed."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.files import write_text
from archbuilder.record import FAILURE_FILE
from archbuilder.sweep.lock import alone_in
from archbuilder.sweep.status import duration
from tests.sweep.folders import begun, failed, finished, planned


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (89.4, "89 s"), (90, "2 min"), (5340, "89 min"), (12_000, "3 h 20 min")]
)
def test_times_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_it_counts_and_names_what_is_not_finished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = time.time()
    planned(tmp_path, 4, now - 200)
    finished(tmp_path, "a", now - 200, now - 100)
    failed(tmp_path, "b", now - 100, "loss [is] not finite")
    with alone_in(begun(tmp_path, "c", now - 30, epochs=3)):
        main(["sweep", "status", str(tmp_path)])
    printed = " ".join(capsys.readouterr().out.split())
    assert "1 of 4 finished, 1 running, 1 failed, 1 waiting; about 3 min left" in printed
    assert "failed b loss [is] not finite" in printed
    assert "running c epoch 3 of 10, val 3.00%, about 70 s left" in printed


def test_watching_ends_with_the_sweep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archbuilder.sweep.status.EVERY_SECONDS", 0.05)
    planned(tmp_path, 1, time.time() - 1)
    run = begun(tmp_path, "a", time.time())

    def work() -> None:
        with alone_in(run):
            time.sleep(0.5)
            write_text(run / FAILURE_FILE, "out of luck")

    worker = threading.Thread(target=work)
    worker.start()
    time.sleep(0.1)
    main(["sweep", "status", str(tmp_path), "--watch"])
    worker.join()
    printed = capsys.readouterr().out
    assert "0 of 1 finished, 1 failed; nothing is at work: the sweep's command, given again, goes on" in " ".join(
        printed.split()
    )


def test_a_folder_of_no_sweep_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sweep", "status", str(tmp_path)])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}: is no sweep's folder")
