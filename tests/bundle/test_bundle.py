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
"""The bundle under MONAI's own commands."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest
import torch
from monai.bundle import ConfigParser, ckpt_export, create_workflow, onnx_export, verify_net_in_out
from monai.data import load_decathlon_datalist
from onnx.reference import ReferenceEvaluator

from monai_dcgan.cli import main
from monai_dcgan.inferers import LatentSampler
from monai_dcgan.networks import DCGANDiscriminator, DCGANGenerator
from monai_dcgan.utils.weights import load_weights
from monai_dcgan.workflow import bundle_root, config_file, overlay_file, root_cause

STRENGTHS = ("brightness", "contrast", "translation", "cutout", "rotation", "scale", "horizontal_flip")
CONFIGS = bundle_root() / "configs"


def read(name):
    return json.loads((CONFIGS / f"{name}.json").read_text())


def test_required_files_and_versions():
    for name in (
        "LICENSE",
        "docs/README.md",
        "configs/metadata.json",
        "configs/inference.json",
        "configs/logging.conf",
    ):
        assert (bundle_root() / name).is_file(), name
    metadata = read("metadata")
    assert metadata["version"] in metadata["changelog"]


def test_metadata_agrees_with_inference():
    parser = ConfigParser(read("inference"))
    value = parser.get_parsed_content
    formats = read("metadata")["network_data_format"]
    latent, pred = formats["inputs"]["image"], formats["outputs"]["pred"]
    assert latent["num_channels"] == value("latent_size") + value("num_classes")
    assert latent["spatial_shape"] == [1, 1]
    assert pred["num_channels"] == value("image_channels") + value("mask_channels")
    assert pred["spatial_shape"] == [value("image_size")] * 2
    assert len(pred["channel_def"]) == pred["num_channels"]


def test_metadata_names_this_version_of_the_package():
    from monai_dcgan import __version__

    assert read("metadata")["required_packages_version"]["monai_dcgan"] == __version__


def test_networks_of_training_and_inference_agree():
    train, inference = read("train"), read("inference")
    assert train["network_def"] == inference["network_def"]
    # The generator that comes with the package has classes; a training has none by default.
    for name in set(inference["network_settings"]) - {"image_channels", "mask_channels", "num_classes"}:
        assert train[name] == inference[name], name


def test_the_paper_recipe_is_that_of_the_networks_and_losses_by_default():
    """The overlay names everything in which the default recipe goes beyond the source."""
    paper = {**read("train"), **json.loads(overlay_file("train/paper").read_text())}
    for network, prefix in ((DCGANGenerator, "g"), (DCGANDiscriminator, "d")):
        for name, parameter in inspect.signature(network).parameters.items():
            value = paper.get(f"{prefix}_{name}", paper.get(name))
            if name not in ("image_channels", "mask_channels"):
                assert value == parameter.default, (network, name)
    strengths = [name for name in paper if name in {f"d_{field}" for field in STRENGTHS}]
    assert len(strengths) == len(STRENGTHS)
    off = ("label_smoothing", "r1", "r2", "wgan_gp", "instance_noise", "mask_blur", *strengths)
    assert {name: paper[name] for name in off} == dict.fromkeys(off, 0.0)
    assert paper["adversarial_loss"] == "bce" and paper["ada_target"] is None
    assert (paper["l1_weight"], paper["feature_matching_weight"]) == (1.0, 1.0)


def test_settings_record_every_value_that_can_be_set():
    """A run folder can be evaluated from what it recorded alone."""
    train = read("train")
    recorded = set(train["settings"]) | set(train["network_settings"])
    not_settings = {"imports", "initialize", "run", "finalize", "generator", "discriminator", "overlay", "split"}
    of_the_data = {"class_names"}
    plain = {name for name, value in train.items() if not isinstance(value, dict) and name not in not_settings}
    of_the_machine = {"bundle_root", "output_dir", "resume", "resume_from", "device", "distributed", "mlflow_uri"}
    of_the_machine |= {"prepare_workers", "num_workers", "dask", "resident", "keep_checkpoints", "checkpoint_interval"}
    of_the_machine |= set(train["conditions"])
    of_the_log = {"log_interval", "val_interval"}
    assert plain - of_the_data - of_the_machine - of_the_log == recorded
    assert recorded <= set(train)


def test_check_properties(trained, phantoms, tmp_path):
    workflow = create_workflow(
        config_file=str(config_file("train")),
        workflow_type="train",
        logging_file=False,
        dataset_dir=str(phantoms),
        modalities=["FLAIR"],
        output_dir=str(tmp_path / "run"),
        cache_dir=str(tmp_path / "cache"),
    )
    assert workflow.check_properties() == []
    workflow = create_workflow(
        config_file=[str(config_file("inference")), str(trained / "network.json")],
        workflow_type="inference",
        logging_file=False,
        ckpt_path=str(trained / "model.pt"),
        output_dir=str(tmp_path / "synthetic"),
    )
    assert workflow.check_properties() == []


def test_rules_on_masks_under_the_workflow_of_monai(trained, tmp_path):
    """MONAI's own workflow, and a generator without masks, for which a rule makes no sense."""

    def run(**override):
        workflow = create_workflow(
            config_file=[str(config_file("inference")), str(trained / "network.json")],
            workflow_type="inference",
            logging_file=False,
            ckpt_path=str(trained / "model.pt"),
            output_dir=str(tmp_path / "made"),
            num_slices=3,
            **override,
        )
        workflow.run()

    with pytest.raises(RuntimeError) as caught:
        run(mask_channels=0, image_channels=2, max_mask_parts=1)
    assert "mask_channels must be at least 1 for rules on masks, got 0 with max_mask_parts=1" in str(
        root_cause(caught.value)
    )
    run(max_mask_parts=1000, max_mask_area=0.999)
    record = json.loads((tmp_path / "made/provenance.json").read_text())
    assert record["count"] == 3
    assert record["selection"]["rules"] == {"max_mask_area": 0.999, "max_mask_parts": 1000}


def test_verify_net_in_out():
    verify_net_in_out(
        net_id="network_def",
        meta_file=str(config_file("metadata")),
        config_file=str(config_file("inference")),
        device="cpu",
    )
    with pytest.raises(ValueError, match="output channel number"):
        verify_net_in_out(
            net_id="network_def",
            meta_file=str(config_file("metadata")),
            config_file=str(config_file("inference")),
            device="cpu",
            image_channels=4,
        )


def test_ckpt_export_gives_the_same_pictures(trained, tmp_path):
    overlay = json.loads((trained / "network.json").read_text())
    ckpt_export(
        net_id="network_def",
        filepath=str(tmp_path / "model.ts"),
        ckpt_file=str(trained / "model.pt"),
        meta_file=str(config_file("metadata")),
        config_file=str(config_file("inference")),
        **overlay,
    )
    parser = ConfigParser({**read("inference"), **overlay})
    network = load_weights(parser.get_parsed_content("network_def"), trained / "model.pt").eval()
    latent = LatentSampler(overlay["latent_size"]).at(range(3))
    torch.testing.assert_close(torch.jit.load(tmp_path / "model.ts").eval()(latent), network(latent))


def test_onnx_export_gives_the_same_pictures(trained, tmp_path):
    """MONAI's command takes the batch of the metadata, 1, for the only one; ``export-model`` leaves it open."""
    overlay = json.loads((trained / "network.json").read_text())
    onnx_export(
        net_id="network_def",
        filepath=str(tmp_path / "model.onnx"),
        ckpt_file=str(trained / "model.pt"),
        config_file=str(config_file("inference")),
        input_shape=[1, overlay["latent_size"], 1, 1],
        **overlay,
    )
    parser = ConfigParser({**read("inference"), **overlay})
    network = load_weights(parser.get_parsed_content("network_def"), trained / "model.pt").eval()
    session = ReferenceEvaluator(str(tmp_path / "model.onnx"))
    with torch.inference_mode():
        for picture in range(3):
            latent = LatentSampler(overlay["latent_size"]).at([picture])
            (made,) = session.run(None, {session.input_names[0]: latent.numpy()})
            torch.testing.assert_close(torch.from_numpy(made), network(latent), rtol=0, atol=1e-5)


def run_bundle(*arguments, cwd, launcher=()):
    command = [sys.executable, *launcher, "-m", "monai.bundle", "run", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


def test_two_processes_train_by_the_bundle(phantoms, tiny, tmp_path):
    """Torchrun with ``multi_gpu_train.json``: one run folder, half of each batch in each process."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    values = [part for pair in tiny[1::2] for part in ("--" + pair.split("=")[0], pair.split("=")[1])]
    files = str([str(config_file("train")), str(config_file("multi_gpu_train"))])
    where = ["--output_dir", "run", "--dataset_dir", phantoms, "--r1", "0.1"]
    values[values.index("--batch_size") + 1] = "4"
    done = run_bundle("--config_file", files, *where, *values, cwd=tmp_path, launcher=launcher)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert record["status"] == "completed"
    assert (record["images"], record["conditions"]["processes"]) == (64, 2)
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["images"] for line in lines if "d_loss" in line] == [16, 32, 48, 64]
    assert len([line for line in lines if "val_frechet_distance" in line]) == 2
    assert len(list((tmp_path / "run/tensorboard").iterdir())) == 1
    done = run_bundle("--config_file", files, *where, *values, cwd=tmp_path)
    assert done.returncode != 0
    assert "distributed must be on under torchrun alone" in done.stderr


def test_monai_runs_training_evaluation_and_inference(phantoms, tiny, tmp_path):
    """MONAI's own command, with its ordinary overrides, from another working directory."""
    values = [part for pair in tiny[1::2] for part in ("--" + pair.split("=")[0], pair.split("=")[1])]
    where = ["--output_dir", "run", "--dataset_dir", phantoms]
    done = run_bundle("--config_file", config_file("train"), *where, *values, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run/run.json").read_text())["status"] == "completed"

    files = [str(config_file("train")), str(config_file("evaluate")), "run/settings.json", "run/network.json"]
    done = run_bundle("--config_file", str(files), "--output_dir", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run/evaluation/metrics.json").read_text())["heldout_split"] == "validation"

    files = [str(config_file("inference")), "run/network.json"]
    where = ["--ckpt_path", "run/model.pt", "--output_dir", "made", "--num_slices", 3]
    done = run_bundle("--config_file", str(files), *where, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(load_decathlon_datalist(tmp_path / "made/dataset.json", True, "training")) == 3

    where[where.index("made")] = "parts"
    done = run_bundle("--config_file", str(files), *where, "--shard", "2/2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    part = load_decathlon_datalist(tmp_path / "parts/shard_02_of_02/dataset.json", True, "training")
    assert [case["image"][-9:] for case in part] == ["01.nii.gz", "02.nii.gz"]


def test_monai_runs_the_downstream_experiment(phantoms, tiny, tmp_path):
    values = [part for pair in tiny[1::2] for part in ("--" + pair.split("=")[0], pair.split("=")[1])]
    small = {
        "steps": 4,
        "validations": 2,
        "pool_size": 16,
        "plausible": False,
        "on_leak": "warn",
        "patients": "['all']",
    }
    arms = {"seeds": "[0]", "arms": "['real','real+synthetic']", "tasks": "['segmentation']"}
    own = [part for name, value in {**small, **arms}.items() for part in (f"--{name}", value)]
    files = str([str(config_file("train")), str(config_file("downstream"))])
    where = ["--output_dir", "out", "--dataset_dir", phantoms]
    done = run_bundle("--config_file", files, *where, *values, *own, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "real+synthetic" in next((tmp_path / "out/reports").glob("*/report.md")).read_text()
    assert len(list((tmp_path / "out/measured").iterdir())) == 2


def test_the_package_workflow_under_the_command_of_monai_refuses_unknown_ids(tmp_path):
    where = ["--workflow_name", "monai_dcgan.workflow.DCGANWorkflow", "--config_file", config_file("train")]
    done = run_bundle(*where, "--widht", 8, cwd=tmp_path)
    assert done.returncode != 0
    assert (
        "config id 'widht' of the command line is not one that train.json knows; did you mean 'width'?" in done.stderr
    )
    done = run_bundle(*where, "--image_size", 48, cwd=tmp_path)
    assert done.returncode != 0
    assert "image_size must be a power of two from 32 to 512, got 48" in done.stderr


def test_command_line_and_bundle_train_the_same_weights(trained, phantoms, tiny, tmp_path):
    assert main(["train", str(phantoms), "--out", str(tmp_path / "again"), *tiny]) == 0
    assert (trained / "model.pt").read_bytes() == (tmp_path / "again" / "model.pt").read_bytes()
