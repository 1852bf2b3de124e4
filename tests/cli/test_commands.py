# Copyright (c) monai_dcgan contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""The command line, with what a new user does right and wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from monai.data import load_decathlon_datalist

from monai_dcgan.cli import commands, main
from monai_dcgan.data import SliceStore, prepare
from monai_dcgan.utils.files import sha256_file
from tests.untrained import write_generator

COMMANDS = ["demo", "phantom", "prepare", "train", "generate", "evaluate"]


def fails(capsys, *arguments):
    """Run a command that must fail; return its one line of error."""
    assert main([str(argument) for argument in arguments]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    errors = [line for line in lines if "error:" in line]
    assert len(errors) == 1, lines
    assert not any(line.startswith("Traceback") for line in lines), lines
    return errors[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches(command, capsys):
    with pytest.raises(SystemExit) as leaving:
        main([command, "--help"])
    assert leaving.value.code == 0
    assert "--dry-run" in capsys.readouterr().out


def test_wrong_calls_leave_with_2(capsys):
    for arguments in ([], ["trian"], ["train"], ["train", "data", "--out", "run", "--set", "width"]):
        with pytest.raises(SystemExit) as leaving:
            main(arguments)
        assert leaving.value.code == 2
    assert "must be ID=VALUE, got 'width'" in capsys.readouterr().err


def test_run_folder_holds_what_it_promises(trained):
    record = json.loads((trained / "run.json").read_text())
    assert record["status"] == "completed"
    assert record["images"] == 64
    assert record["settings"]["modalities"] == ["FLAIR"]
    assert record["versions"]["torch"] == torch.__version__
    split = json.loads((trained / "split.json").read_text())
    assert sorted(split) == ["test", "train", "validation"]
    assert all(split.values())
    for name in ("model.pt", "metrics.jsonl", "loss_curves.png", "best.pt", "best.json"):
        assert (trained / name).is_file(), name
    assert len(list((trained / "samples").glob("images_*.png"))) == 3
    assert (trained / "samples" / "real.png").is_file()
    assert len(list((trained / "checkpoints").glob("step_*.pt"))) == 2
    assert any((trained / "tensorboard").iterdir())
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert {"d_loss", "g_adversarial", "d_real", "d_fake", "d_real_sign"} <= set(lines[0])
    assert sum("val_frechet_distance" in line for line in lines) == 2


def test_evaluate_writes_a_report(trained, tmp_path, capsys):
    assert main(["evaluate", str(trained), "--split", "test", "--out", str(tmp_path / "report")]) == 0
    output = capsys.readouterr().out
    assert "Frechet distance" in output
    assert output.count("synthetic vs held-out") == 1, "the table stands there once"
    metrics = json.loads((tmp_path / "report/metrics.json").read_text())
    assert metrics["heldout_split"] == "test"
    for name in ("report.html", "report.md", "sample_grid.png", "real_beside_synthetic.png", "loss_curves.png"):
        assert (tmp_path / "report" / name).is_file(), name
    assert metrics["privacy"]["memorization"]["counts"]["training"] > 0
    text = "".join((tmp_path / "report" / name).read_text() for name in ("report.html", "report.md", "metrics.json"))
    patients = [name for part in json.loads((trained / "split.json").read_text()).values() for name in part]
    assert patients and not [name for name in patients if name in text]


def test_metrics_as_documented_join_the_validation(phantoms, tiny, tmp_path):
    text = (Path(__file__).parents[2] / "docs/evaluation.md").read_text()
    (tmp_path / "overlay.json").write_text(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])
    call = ["train", str(phantoms), "--out", str(tmp_path / "run"), *tiny, "--config", str(tmp_path / "overlay.json")]
    assert main([*call, "--set", "max_epochs=1"]) == 0
    validation = json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[-1])
    assert {"val_frechet_distance", "val_recall", "val_mask_area"} <= set(validation)


def test_evaluate_looks_at_held_out_patients_alone(trained, tmp_path):
    assert main(["evaluate", str(trained), "--out", str(tmp_path)]) == 0
    split = json.loads((trained / "split.json").read_text())
    store = SliceStore(next((trained / "cache").glob("data-*")))
    slices = len(store.indices(split["validation"]))
    assert json.loads((tmp_path / "metrics.json").read_text())["counts"]["heldout"] == slices


@pytest.fixture
def untrained(tmp_path):
    """A generator with weights as drawn: the areas of its masks scatter about one half."""
    folder = tmp_path / "untrained"
    folder.mkdir()
    return write_generator(folder, spread=lambda network: None, upsampling="transposed", max_channels=1024)


def test_generate_says_which_rules_cannot_be_met(untrained, tmp_path, capsys):
    call = ["generate", untrained, "--out", tmp_path / "made"]
    line = fails(capsys, *call, "--num", "2", "--min-mask-area", "1", "--max-mask-parts", "1")
    assert "got 0 of 1000 with min_mask_area=1.0 (broken by 1000), max_mask_parts=1 (broken by 0); loosen" in line
    line = fails(capsys, *call, "--min-mask-area", "0.5", "--max-mask-area", "0.1", "--dry-run")
    assert "min_mask_area must be at most max_mask_area, got 0.5 and 0.1" in line
    line = fails(capsys, *call, "--max-mask-parts", "0")
    assert "max_mask_parts must be a whole number of at least 1, got 0" in line
    assert not (tmp_path / "made").exists()
    assert main([*map(str, call), "--max-mask-parts", "3", "--dry-run"]) == 0
    assert re.search(r"max_mask_parts +3\n", capsys.readouterr().out)


@pytest.mark.parametrize("image_format", ["nifti", "png"])
def test_generated_set_goes_back_in(image_format, trained, tmp_path):
    out = tmp_path / "made"
    arguments = ["generate", str(trained), "--out", str(out), "--num", "3", "--seed", "1", "--format", image_format]
    assert main(arguments) == 0
    assert len(load_decathlon_datalist(out / "dataset.json", True, "training")) == 3
    provenance = json.loads((out / "provenance.json").read_text())
    assert provenance["model_sha256"] == sha256_file(trained / "model.pt")
    assert provenance["settings"]["seed"] == 1
    assert provenance["settings"]["network"]["latent_size"] == 8
    assert provenance["training"]["settings"]["learning_rate"] == 0.0005
    text = json.dumps(provenance) + (out / "dataset.json").read_text()
    assert "phantom_" not in text
    assert str(tmp_path) not in text
    store = prepare(out, tmp_path / "store", image_size=32, crop_head=False, min_foreground=0.0, lower=0, upper=100)
    assert len(store) == 3


def test_prepare_then_train_from_the_store(phantoms, tiny, trained, tmp_path, capsys):
    settings = ["--set", 'modalities=["FLAIR"]', "--image-size", "32"]
    assert main(["prepare", str(phantoms), "--out", str(tmp_path / "store"), *settings]) == 0
    assert "patients" in capsys.readouterr().out
    assert main(["train", str(tmp_path / "store"), "--out", str(tmp_path / "run"), *tiny]) == 0
    first, again = (torch.load(run / "model.pt", weights_only=True) for run in (trained, tmp_path / "run"))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_resume_goes_on_to_the_same_bits(phantoms, tiny, trained, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", str(phantoms), "--out", str(run), *tiny, "--set", "max_epochs=1"]) == 0
    assert "holds a run" in fails(capsys, "train", phantoms, "--out", run, *tiny)
    other = fails(capsys, "train", phantoms, "--out", run, *tiny, "--resume", "--set", "learning_rate=0.1")
    assert "learning_rate: 0.0005 there, 0.1 now" in other
    nested = fails(
        capsys, "train", phantoms, "--out", run, *tiny, "--resume", "--set", "train#trainer#channels_last=False"
    )
    assert "train#trainer#channels_last: None there, False now" in nested
    assert "holds none" in fails(capsys, "train", phantoms, "--out", tmp_path / "other", *tiny, "--resume")
    assert main(["train", str(phantoms), "--out", str(run), *tiny, "--resume"]) == 0
    first, again = (torch.load(folder / "model.pt", weights_only=True) for folder in (trained, run))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_resume_refuses_data_that_changed(phantoms, tiny, tmp_path, capsys):
    """A new patient would shuffle the split: patients trained on would be held out."""
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(phantoms, data)
    description = json.loads((data / "dataset.json").read_text())
    all_cases = description["training"]
    (data / "dataset.json").write_text(json.dumps({**description, "training": all_cases[:-1]}))
    assert main(["train", str(data), "--out", str(run), *tiny, "--set", "max_epochs=1"]) == 0
    split = (run / "split.json").read_text()
    (data / "dataset.json").write_text(json.dumps({**description, "training": all_cases}))
    line = fails(capsys, "train", data, "--out", run, *tiny, "--resume")
    assert "its slices are others" in line
    assert (run / "split.json").read_text() == split


def test_resume_goes_on_with_a_copy_of_the_data(phantoms, tiny, tmp_path):
    """Data that were copied to another place, with other times of their files, are the same data."""
    run = ["--out", str(tmp_path / "run"), *tiny, "--set"]
    assert main(["train", str(phantoms), *run, "max_epochs=1"]) == 0
    for path in shutil.copytree(phantoms, tmp_path / "copy").rglob("*.nii.gz"):
        os.utime(path, (0, 0))
    assert main(["train", str(tmp_path / "copy"), *run, "max_epochs=2", "--resume"]) == 0


def test_evaluation_repeats_what_was_given_on_top(phantoms, tiny, tmp_path, monkeypatch):
    """Nested settings are recorded, those of the log are not, and a run is evaluated from any working directory."""
    monkeypatch.chdir(phantoms.parent)
    nested = ["--set", "max_epochs=1", "--set", "ema#calibration_images=16"]
    assert main(["train", phantoms.name, "--out", str(tmp_path / "run"), *tiny, *nested]) == 0
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert record["overlay"] == {"ema#calibration_images": 16, "val_interval": 1}
    assert record["conditions"]["device"]
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "run"]) == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_dry_run_writes_nothing(command, phantoms, trained, tiny, tmp_path, capsys):
    arguments = {
        "demo": ["--out", tmp_path / "out"],
        "phantom": ["--out", tmp_path / "out"],
        "prepare": [phantoms, "--out", tmp_path / "out"],
        "train": [phantoms, "--out", tmp_path / "out", *tiny],
        "generate": [trained, "--out", tmp_path / "out"],
        "evaluate": [trained, "--out", tmp_path / "out"],
    }[command]
    assert main([command, *map(str, arguments), "--dry-run"]) == 0
    assert str(tmp_path / "out") in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_training_plan_shows_what_was_understood(phantoms, tiny, tmp_path, capsys):
    assert main(["train", str(phantoms), "--out", str(tmp_path / "run"), *tiny, "--dry-run"]) == 0
    output = capsys.readouterr().out
    assert '"train": 4' in output
    assert re.search(r"images shown +64\n", output)


def test_mistakes_get_one_clear_line(phantoms, trained, tiny, tmp_path, capsys):
    out = tmp_path / "run"
    line = fails(capsys, "train", tmp_path / "nowhere", "--out", out)
    assert "nowhere" in line
    (tmp_path / "empty").mkdir()
    line = fails(capsys, "train", tmp_path / "empty", "--out", out)
    assert str(tmp_path / "empty") in line
    line = fails(capsys, "train", phantoms, "--out", out, "--image-size", "48")
    assert "image_size must be a power of two from 32 to 512, got 48" in line
    line = fails(capsys, "train", phantoms, "--out", out, "--set", "lerning_rate=1")
    assert "did you mean 'learning_rate'?" in line
    line = fails(capsys, "train", phantoms, "--out", out, "--config", "data/nothing")
    assert "no config file 'data/nothing'" in line
    line = fails(capsys, "generate", trained, "--out", tmp_path / "made", "--set", "width=8")
    assert "model.pt must fit DCGANGenerator" in line
    line = fails(capsys, "generate", tmp_path, "--out", tmp_path / "made")
    assert "no trained generator at" in line
    line = fails(capsys, "evaluate", tmp_path)
    assert "must be the folder of a training run" in line
    line = fails(capsys, "evaluate", trained, "--extractor", tmp_path / "none.ts")
    assert "none.ts" in line
    line = fails(capsys, "train", phantoms, "--out", out, *tiny, "--set", "amp=half")
    assert "amp must be one of auto, bfloat16, float16, off, got 'half'" in line
    line = fails(capsys, "train", phantoms, "--out", out, *tiny, "--set", "num_classes=2")
    assert "num_classes must be 0 or that of the data, 0 (no classes), got 2" in line
    if not torch.cuda.is_available():
        line = fails(capsys, "train", phantoms, "--out", out, *tiny, "--device", "cuda:0")
        assert "device must be one that PyTorch finds, got 'cuda:0'" in line
    line = fails(capsys, "train", phantoms, "--out", out, *tiny, "--set", "l1_pairing=index")
    assert "pairing must be one of nearest, batch_mean" in line
    assert not (out / "run.json").exists(), "a mistake does not claim the folder"
    line = fails(capsys, "demo", "--out", trained)
    assert "out must be a new or empty folder" in line


def test_image_and_mask_of_different_shape(tmp_path, capsys):
    for folder, shape in (("imagesTr", (16, 16, 8)), ("labelsTr", (16, 16, 9))):
        (tmp_path / folder).mkdir()
        for number in range(4):
            array = np.ones(shape, dtype=np.uint8)
            nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), tmp_path / folder / f"case{number}.nii.gz")
    training = [{"image": f"imagesTr/case{n}.nii.gz", "label": f"labelsTr/case{n}.nii.gz"} for n in range(4)]
    (tmp_path / "dataset.json").write_text(json.dumps({"modality": {"0": "FLAIR"}, "training": training}))
    line = fails(capsys, "train", tmp_path, "--out", tmp_path / "run")
    assert "case0" in line
    assert "(16, 16, 8)" in line
    assert "(16, 16, 9)" in line
    assert not (tmp_path / "run" / "run.json").exists()


def test_unexpected_errors_keep_their_kind(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(commands, "phantom", lambda args: {}["missing"])
    line = fails(capsys, "phantom", "--out", tmp_path)
    assert "unexpected KeyError: 'missing'" in line
    with pytest.raises(KeyError):
        main(["phantom", "--out", str(tmp_path), "--debug"])


def test_interrupt_leaves_with_130(monkeypatch, capsys, tmp_path):
    def interrupted(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "phantom", interrupted)
    assert main(["phantom", "--out", str(tmp_path)]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_without_fire_the_next_step_says_so(monkeypatch, trained, tmp_path):
    """MONAI's command needs fire; ours does not, and says what to install."""
    for name in ("data", "synthetic"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dataset.json").write_text('{"training": [1, 2]}')
    assert "pip install fire" not in commands._what_next(tmp_path)
    monkeypatch.setitem(sys.modules, "fire", None)
    assert "needs the package fire, which is missing here: pip install fire" in commands._what_next(tmp_path)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.modules['fire'] = None; from monai_dcgan.cli import main;"
            f" sys.exit(main(['generate', {str(trained)!r}, '--out', {str(tmp_path / 'made')!r}, '--num', '2']))",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_python_dash_m(tmp_path):
    done = subprocess.run([sys.executable, "-m", "monai_dcgan", "train", "nowhere", "--out", "run"], cwd=tmp_path,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 1
    assert "monai-dcgan train: error:" in done.stderr
    assert "Traceback" not in done.stderr
