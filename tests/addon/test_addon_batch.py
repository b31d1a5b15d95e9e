# ruff: noqa: ARG001, PLR0917 - fixtures are asked for by name, also for what they do
"""Batches: what is done stays done, a crash loses one shot, and nobody bakes twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import bpy
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
JOY = "happy:1:0:2:3:4"

# Stands for a Blender that bakes: does what the words of a shot say, and writes down that it was asked.
FAKE = """
    import json, os, sys, time
    def answer(**words):
        print("\\n\\x1emien " + json.dumps(words), flush=True)
    for line in sys.stdin:
        do, target, baked = json.loads(line)
        answer(began=True)
        with open(baked, "a") as file:
            file.write(do + "\\n")
        if do == "crash":
            print("about to crash", flush=True)
            os.kill(os.getpid(), 9)
        if do == "sleep":
            time.sleep(600)
        if do in ("done", "slow"):
            time.sleep(0.3 if do == "slow" else 0)
            open(target, "w").write("done")
        print("a word about", target, flush=True)
        answer(code=1 if do == "fail" else 3 if do == "noface" else 0, said="It went wrong." if do == "fail" else "")
"""


@pytest.fixture
def fake(tmp_path):
    path = tmp_path / "fake.py"
    path.write_text(textwrap.dedent(FAKE))
    return [sys.executable, str(path)]


@pytest.fixture
def batch_of(mien, fake, tmp_path):
    """Makes a batch whose shots do what is said: done, slow, fail, noface, crash, sleep, nothing."""

    def make(*doings, **options):
        shots = [
            mien.shots.Shot(
                f"shot{number}",
                (doing, str(tmp_path / f"{number}.glb"), str(tmp_path / "asked.txt")),
                (),
                (tmp_path / f"{number}.glb",),
                doing,
            )
            for number, doing in enumerate(doings)
        ]
        return mien.batch.Batch(shots, tmp_path / "state", command=fake, **options)

    return make


def states(outcomes):
    return [one.state for one in outcomes]


def asked(folder):
    return (folder / "asked.txt").read_text().split()


def test_all_are_done_and_then_skipped(batch_of, tmp_path):
    told = []
    assert states(batch_of(*["done"] * 5, processes=2, tell=told.append).run()) == ["done"] * 5
    assert len(told) == len(asked(tmp_path)) == 5
    assert states(batch_of(*["done"] * 5).run()) == ["skipped"] * 5
    assert len(asked(tmp_path)) == 5
    assert states(batch_of(*["done"] * 5, again=True).run()) == ["done"] * 5
    assert len(asked(tmp_path)) == 10


def test_what_was_changed_or_taken_away_is_baked_again(batch_of, mien, tmp_path):
    batch_of(*["done"] * 4).run()
    (tmp_path / "1.glb").unlink()
    (tmp_path / "2.glb").write_text("cut o")
    known = mien.batch_state.State(tmp_path / "state")
    assert [known.of(shot).state for shot in batch_of("done", "done", "done", "slow").shots] == [
        "done",
        "changed",
        "changed",
        "changed",
    ]
    assert states(batch_of("done", "done", "done", "slow").run()) == ["skipped", "done", "done", "done"]


def test_an_input_that_was_changed_is_baked_again(mien, fake, tmp_path):
    face = tmp_path / "face.obj"
    face.write_text("v 0 0 0")
    words = ("done", str(tmp_path / "o.glb"), str(tmp_path / "asked.txt"))

    def run():
        shot = mien.shots.Shot("one", words, (face,), (tmp_path / "o.glb",), "{}")
        return states(mien.batch.Batch([shot], tmp_path / "state", command=fake).run())

    assert run() == ["done"]
    assert run() == ["skipped"]
    face.write_text("v 0 0 0 0")
    assert run() == ["done"]


def test_failures_are_told_kept_and_tried_again(batch_of, mien, tmp_path):
    batch = batch_of("done", "fail", "noface", "nothing", "done")
    outcomes = batch.run()
    assert states(outcomes) == ["done", "failed", "failed", "failed", "done"]
    assert outcomes[1].sentence == "It went wrong."
    assert outcomes[2].sentence == "It ended with code 3."
    assert "3.glb is not there" in outcomes[3].sentence
    log = (tmp_path / "state" / "shot1.log").read_text()
    assert "a word about" in log
    assert "It went wrong." in log
    known = mien.batch_state.State(tmp_path / "state").of(batch.shots[1])
    assert (known.state, known.sentence) == ("failed", "It went wrong.")
    about = mien.batch.summary(outcomes, 5, 1.0)
    assert (about["done"], about["failed"], about["skipped"]) == (2, 3, 0)
    assert list(about["failures"]) == ["shot1", "shot2", "shot3"]
    assert states(batch_of("done", "fail", "noface", "nothing", "done").run()) == [
        "skipped",
        *["failed"] * 3,
        "skipped",
    ]


def test_a_crash_loses_one_shot_and_the_next_has_a_new_process(batch_of, tmp_path):
    outcomes = batch_of("done", "crash", "done", "crash", "done").run()
    assert states(outcomes) == ["done", "failed", "done", "failed", "done"]
    assert outcomes[1].sentence == "Its process crashed after: about to crash."
    assert len(asked(tmp_path)) == 5


def test_a_shot_that_takes_too_long_is_given_up(batch_of, mien, monkeypatch):
    monkeypatch.setattr(mien.workers, "GRACE_SECONDS", 0.2)
    outcomes = batch_of("sleep", "done", timeout=1.0).run()
    assert states(outcomes) == ["failed", "done"]
    assert outcomes[0].sentence == "It took more than 1 seconds."


def test_a_process_that_ended_while_idle_costs_no_shot(mien, fake, tmp_path):
    worker = mien.workers.Worker(fake, 1, threading.Event())
    words = ["done", str(tmp_path / "a"), str(tmp_path / "asked.txt")]
    assert worker.bake(words).code == 0
    first = worker.process_id
    os.kill(first, signal.SIGKILL)
    assert worker.bake(words).code == 0
    assert worker.process_id != first
    worker.end()


def test_a_process_is_replaced_after_many_shots(mien, fake, tmp_path, monkeypatch):
    monkeypatch.setattr(mien.workers, "SHOTS_EACH", 2)
    worker = mien.workers.Worker(fake, 1, threading.Event())
    seen = []
    for _ in range(5):
        assert worker.bake(["done", str(tmp_path / "a"), str(tmp_path / "asked.txt")]).code == 0
        seen.append(worker.process_id)
    worker.end()
    assert len(set(seen)) == 3


def test_processes_that_cannot_start_end_the_batch_with_a_sentence(mien, batch_of, tmp_path):
    batch = batch_of("done", "done", processes=2)
    batch.command = [sys.executable, "-c", "raise SystemExit('no such module')"]
    with pytest.raises(mien.engine.MienError, match="No process can be started to bake in"):
        batch.run()
    batch.command = [str(tmp_path / "no-such-program")]
    with pytest.raises(mien.engine.MienError, match="No process can be started"):
        batch.run()
    assert not list((tmp_path / "state" / "running").iterdir())


def test_a_cancelled_batch_ends_its_processes_and_goes_on_later(batch_of, mien, monkeypatch, tmp_path):
    monkeypatch.setattr(mien.workers, "GRACE_SECONDS", 0.2)
    batch = batch_of("done", "sleep", "done")

    def interrupt(outcome):
        raise KeyboardInterrupt

    batch.tell = interrupt
    with pytest.raises(KeyboardInterrupt):
        batch.run()
    assert list(batch.outcomes) == ["shot0"]
    assert threading.active_count() == 1 or not any("_work" in one.name for one in threading.enumerate())
    assert states(batch_of("done", "done", "done").run()) == ["skipped", "done", "done"]


def test_no_two_batches_at_the_same_shots(batch_of, mien, tmp_path):
    state = mien.batch_state.State(tmp_path / "state")
    with state.claim(["shot0", "shot1"]):
        with pytest.raises(mien.engine.MienError, match=f"baking 2 of these shots .process {os.getpid()} on"):
            batch_of("done", "done", "done").run()
        shots = batch_of("done", "done", "done").shots
        other = mien.batch.Batch(shots[2:], tmp_path / "state", command=batch_of().command)
        assert states(other.run()) == ["done"]  # other shots of the same state: another part
    assert states(batch_of("done", "done", "done").run()) == ["done", "done", "skipped"]


def test_a_claim_of_the_dead_counts_for_nothing(mien, tmp_path):
    state = mien.batch_state.State(tmp_path / "state")
    running = tmp_path / "state" / "running"
    running.mkdir(parents=True)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    claims = {
        "killed": {"host": socket.gethostname(), "pid": gone.pid, "names": ["a"]},
        "elsewhere": {"host": "another", "pid": 1, "names": ["a"]},
        "damaged": [],
    }
    for name, about in claims.items():
        (running / f"{name}.json").write_text(json.dumps(about))
    long_ago = time.time() - 2 * mien.batch_state.STALE_SECONDS
    os.utime(running / "elsewhere.json", (long_ago, long_ago))
    with state.claim(["a"]):
        assert len(list(running.iterdir())) == 1
    (running / "elsewhere.json").write_text(json.dumps(claims["elsewhere"]))
    with pytest.raises(mien.engine.MienError, match="process 1 on another"), state.claim(["a"]):
        pass
    assert [path.name for path in running.iterdir()] == ["elsewhere.json"]


def test_a_batch_shows_life(mien, tmp_path, monkeypatch):
    monkeypatch.setattr(mien.batch_state, "BEAT_SECONDS", 0.0)
    with mien.batch_state.State(tmp_path / "state").claim(["a"]) as claim:
        os.utime(claim.path, (0, 0))
        claim.beat()
        assert claim.path.stat().st_mtime > 1


@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_the_parts_hold_every_shot_exactly_once(mien, count):
    shots = [f"shot{number}" for number in range(13)]
    parts = [mien.batch.part_of(shots, f"{number}/{count}") for number in range(1, count + 1)]
    assert sorted(shot for part in parts for shot in part) == sorted(shots)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("word", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3", "1/3/5", ""])
def test_a_part_that_makes_no_sense(mien, word):
    with pytest.raises(mien.engine.MienError, match="There is no part"):
        mien.batch.part_of(["a"], word)


def test_half_written_files_of_killed_processes_are_removed(mien, tmp_path):
    def make(name, age):
        (tmp_path / name).write_text("half")
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))

    shot = mien.shots.Shot("one", (), (), (tmp_path / "one.glb", tmp_path / "one.pc2"), "")
    make(".mien-old.glb", 2 * mien.leftovers.OLD_SECONDS)
    make(".mien-crash.glb", 30)
    make(".one.pc2-ab3_x", 30)
    make(".two-of-somebody", 30)
    make(".mien-somebody.glb", 0)
    make("one.glb", 2 * mien.leftovers.OLD_SECONDS)
    (tmp_path / ".mien-folder").mkdir()
    make(".mien-folder/one.pc2", 0)
    os.utime(tmp_path / ".mien-folder", (0, 0))
    mien.leftovers.remove_old([shot])
    assert not (tmp_path / ".mien-old.glb").exists()
    mien.leftovers.remove_lost([mien.leftovers.Lost(shot, time.time() - 40, time.time() - 20)])
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mien-somebody.glb", ".two-of-somebody", "one.glb"]


def test_half_written_files_are_called_as_expected(mien, face, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(mien.scene_io, "_export", lambda path, *_: seen.append(path.name))
    mien.scene_io.write([tmp_path / "a.glb"])
    assert seen[0].startswith(mien.leftovers.TEMPORARY)
    with mien.engine.Pc2Writer(tmp_path / "a.pc2", 1, 0.0, 1.0, 1) as writer:
        (begun,) = tmp_path.glob(".*")
        assert begun in [path for path, _ in mien.leftovers._found([tmp_path / "a.pc2"])]
        writer.write(np.zeros((1, 1, 3), np.float32))


def test_processes_share_the_cores_unless_the_person_decided(mien, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    own = mien.workers.environment(3)
    assert own["OMP_NUM_THREADS"] == own["OPENBLAS_NUM_THREADS"] == "3"
    assert own["MKL_NUM_THREADS"] == "7"


# From here on with Blender.


def test_a_real_process_of_the_installed_extension_bakes_crashes_and_bakes(mien, tmp_path):
    worker = mien.workers.Worker(mien.workers.command(), 1, threading.Event())
    words = ["bake", "sample:Ada", f"--cue={JOY}", "--engine=numpy", f"--out={tmp_path / 'a.blend'}"]
    first = worker.bake(words)
    assert first.code == 0, first
    assert any("Ada performs from frame 0 to 4" in line for line in first.log)
    os.kill(worker.process_id, signal.SIGKILL)
    again = worker.bake([*words[:-1], f"--out={tmp_path / 'b.blend'}"])
    assert again.code == 0
    failed = worker.bake(["bake", "absent.obj", f"--cue={JOY}", f"--out={tmp_path / 'c.blend'}"])
    assert (failed.code, failed.said) == (1, f"There is no file {Path.cwd() / 'absent.obj'}.")
    worker.end()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.blend", "b.blend"]
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "b.blend"))
    assert len(bpy.data.objects["Ada"].data.shape_keys.key_blocks) == 6


def write_shots(folder, *, faces, performances, **more):
    content = {
        "defaults": {"engine": "numpy"},
        "faces": faces,
        "performances": {f"joy{number}": [f"happy:{(number + 1) / 10:g}:0:2:3:4"] for number in range(performances)},
        "out": "out/{face}-{performance}.glb",
        **more,
    }
    (folder / "shots.json").write_text(json.dumps(content))
    return folder / "shots.json"


def mien_process(*words):
    return subprocess.Popen(
        [sys.executable, "-m", "blender_addon", "batch", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done_in(folder):
    return {path.stem for path in folder.glob("shots.state/*.json") if '"state": "done"' in path.read_text()}


def wait_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited for nothing"
        time.sleep(0.02)


@pytest.mark.slow
def test_a_batch_killed_half_way_goes_on_where_it_was(mien, tmp_path):
    faces = {"ada": "sample:Ada", "ben": "sample:Ben", "broken": "broken.obj"}
    shots = write_shots(tmp_path, faces=faces, performances=8)
    (tmp_path / "broken.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    words = (str(shots), "--jobs", "2", "--summary", str(tmp_path / "summary.json"))
    first = mien_process(*words)
    wait_for(lambda: len(done_in(tmp_path)) >= 5)
    children = Path(f"/proc/{first.pid}/task/{first.pid}/children")
    workers = [
        int(word) for task in children.parent.parent.iterdir() for word in (task / "children").read_text().split()
    ]
    first.kill()
    first.communicate()
    assert len(workers) == 2
    wait_for(lambda: not any(Path(f"/proc/{one}/stat").exists() for one in workers), 20)  # they end by themselves
    assert not list((tmp_path / "out").glob(".*"))
    early = done_in(tmp_path)
    assert 5 <= len(early) < 16
    written = {name: (tmp_path / "out" / f"{name}.glb").stat().st_mtime_ns for name in early}

    second = mien_process(*words)
    out, error = second.communicate(timeout=300)
    assert second.returncode == 1
    assert f"{16 - len(early)} done, {len(early)} done before, 8 failed" in out
    assert "8 of 24 shots failed" in error
    assert "broken-joy0" in error
    assert "3 vertices" in error
    assert {name: (tmp_path / "out" / f"{name}.glb").stat().st_mtime_ns for name in early} == written
    assert len(list((tmp_path / "out").iterdir())) == 16
    assert all(path.read_bytes()[:4] == b"glTF" for path in (tmp_path / "out").iterdir())
    about = json.loads((tmp_path / "summary.json").read_text())
    assert (about["done"], about["skipped"], about["failed"]) == (16 - len(early), len(early), 8)


@pytest.mark.slow
def test_the_command_and_its_exit_codes(mien, tmp_path, capsys):
    shots = write_shots(tmp_path, faces={"ada": "sample:Ada", "no": "absent.obj"}, performances=2)
    main = mien.cli.main
    assert main(["batch", str(shots), "--list"]) == 0
    assert capsys.readouterr().out.count("waiting") == 4
    assert not (tmp_path / "shots.state").exists()
    assert main(["batch", str(shots), "--part", "9/9"]) == 0
    assert "0 done, 0 done before, 0 failed" in capsys.readouterr().out
    assert main(["batch", str(shots), "--only", "ada-*", "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert "1/2 ada-joy0 done in" in said
    assert "2 done, 0 done before, 0 failed" in said
    assert main(["batch", str(shots), "--part", "2/2", "--quiet"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "no-joy1 failed: There is no file" in said.err
    assert main(["batch", str(shots), "--list"]) == 0
    said = capsys.readouterr().out
    assert (said.count("done"), said.count("failed"), said.count("waiting")) == (2, 1, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "required"),
        (["absent.json"], "cannot be read"),
        (["{}", "--jobs", "-1"], "--jobs from 1"),
        (["{}", "--timeout", "0"], "more than 0"),
        (["{}", "--summary", "nowhere/s.json"], "no folder"),
        (["{}", "--only", "nobody"], "no shot is called 'nobody'"),
        (["{}", "--part", "3/2"], "There is no part '3/2'"),
    ],
)
def test_wrong_usage_is_2_and_leaves_nothing(mien, tmp_path, monkeypatch, capsys, words, said):
    shots = write_shots(tmp_path, faces={"ada": "sample:Ada"}, performances=1)
    monkeypatch.chdir(tmp_path)
    assert mien.cli.main(["batch", *[word.replace("{}", str(shots)) for word in words]]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["shots.json"]


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_a_farms_end_leave_no_process_and_no_half_file(mien, tmp_path, by):
    shots = write_shots(tmp_path, faces={"ada": "sample:Ada"}, performances=15)
    process = mien_process(str(shots), "--jobs", "1")
    wait_for(lambda: len(done_in(tmp_path)) >= 2)
    process.send_signal(by)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Cancelled: " in error
    assert "call it again to go on" in error
    assert not list((tmp_path / "out").glob(".*"))
    assert not list((tmp_path / "shots.state" / "running").iterdir())
    assert len(list((tmp_path / "out").iterdir())) - len(done_in(tmp_path)) in {0, 1}


# The job type of Flamenco, run as its Manager runs it: with an `author` that writes down what is asked of it.
HARNESS = """
    const author = {
        Task: (name, type) => ({ name, type, commands: [], addCommand(one) { this.commands.push(one); } }),
        Command: (name, parameters) => ({ name, parameters }),
    };
    const job = { settings: JSON.parse(process.argv[1]), tasks: [], addTask(one) { this.tasks.push(one); } };
    let problem = null;
    try { compileJob(job); } catch (thrown) { problem = thrown; }
    console.log(JSON.stringify({ type: JOB_TYPE, tasks: job.tasks, problem }));
"""
SCRIPT = ROOT / "blender_addon" / "assets" / "mien_batch.js"


def compiled(**settings):
    code = SCRIPT.read_text() + textwrap.dedent(HARNESS)
    done = subprocess.run(
        ["node", "-e", code, json.dumps(settings)], capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node to run JavaScript")
class TestFlamenco:
    def test_its_settings_are_of_the_types_that_flamenco_knows(self):
        about = compiled()["type"]
        assert about["label"] == "Mien Batch"
        assert {one["type"] for one in about["settings"]} <= {"string", "int32", "float", "bool"}
        assert all(set(one) <= {"key", "type", "subtype", "required", "default", "propargs", "description"}
                   for one in about["settings"])  # fmt: skip
        defaults = {one["key"]: one.get("default") for one in about["settings"]}
        assert len(compiled(**defaults | {"shots_file": "/s.json"})["tasks"]) == defaults["parts"]

    def test_the_tasks_hold_every_shot_exactly_once(self, mien, tmp_path):
        path = write_shots(tmp_path, faces={"ada": "sample:Ada", "ben": "sample:Ben"}, performances=5)
        folder = str(tmp_path / "kept here")
        made = compiled(shots_file=str(path), parts=3, jobs=2, timeout=90, again=True, state_folder=folder)
        assert made["problem"] is None
        found = []
        for task in made["tasks"]:
            (command,) = task["commands"]
            words = command["parameters"]["args"]
            assert (task["type"], command["name"], command["parameters"]["exe"]) == ("blender", "exec", "{blender}")
            assert words[:3] == ["--background", "--command", "mien"]
            options = mien.cli.parser().parse_args(words[3:])
            assert (options.jobs, options.timeout, options.again, options.state) == (2, 90, True, Path(folder))
            found += [shot.name for shot in mien.cli_batch._chosen(options)]
        assert sorted(found) == sorted(shot.name for shot in mien.shots.read_shots(path))

    def test_without_shots_it_says_so(self):
        assert compiled(shots_file="", parts=2)["problem"] == "Give the file of shots."
