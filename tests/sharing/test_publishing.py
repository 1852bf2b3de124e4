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
"""A bundle leaves by an archive and by the Hugging Face Hub, and arrives whole, by MONAI's own commands."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from monai.bundle import download, load

from monai_dcgan.sharing import check_bundle, zip_bundle
from tests.sharing.hub import serve_hub

PUSH = """
import sys
from monai.bundle import push_to_hf_hub
repo, folder, name = sys.argv[1:]
push_to_hf_hub(repo=repo, name=name, bundle_dir=folder, version="1.2.3")
"""


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, without a word."""

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def archive(made):
    archive = zip_bundle(made)
    yield archive
    archive.unlink()


@pytest.fixture
def address(archive):
    """Address of the archive on a local server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(archive.parent)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{archive.name}"
    server.shutdown()
    server.server_close()
    thread.join()


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_members_lie_below_the_name_of_the_bundle(made, archive):
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
    assert archive.name == f"{made.name}_v1.2.3.zip"
    assert sorted(names) == sorted(f"{made.name}/{name}" for name in content(made))
    assert not [name for name in names if name.startswith("/") or ".." in name.split("/") or "\\" in name]


@pytest.mark.parametrize("source", ["file", "http"])
def test_download_gives_the_bundle_again(made, archive, address, source, tmp_path):
    url = archive.as_uri() if source == "file" else address
    download(name=made.name, url=url, bundle_dir=str(tmp_path), progress=False)
    assert content(tmp_path / made.name) == content(made)
    assert check_bundle(tmp_path / made.name) == []


def test_load_gives_the_generator(made, archive, tmp_path, monkeypatch):
    download(name=made.name, url=archive.as_uri(), bundle_dir=str(tmp_path), progress=False)
    safely = []
    real = torch.load
    monkeypatch.setattr(torch, "load", lambda *a, **k: safely.append(k.get("weights_only")) or real(*a, **k))
    monkeypatch.setattr("monai.bundle.download", lambda *_, **__: pytest.fail("it was there already"))
    # A bundle with scripts is found as MONAI's documentation says: its folder on the path.
    monkeypatch.syspath_prepend(str(tmp_path / made.name))
    network = load(made.name, bundle_dir=str(tmp_path), workflow_type="inference", device="cpu").eval()
    for name in [name for name in sys.modules if name.split(".")[0] == "scripts"]:
        del sys.modules[name]
    assert safely == [True]
    weights = real(made / "models/model.pt", weights_only=True)
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
    assert network(torch.zeros(1, 8, 1, 1)).shape == (1, 2, 32, 32)


def test_an_archive_that_leads_out_is_not_unpacked(made, archive, tmp_path):
    """What MONAI does with an archive that is not ours."""
    wrong = tmp_path / "wrong.zip"
    wrong.write_bytes(archive.read_bytes())
    with zipfile.ZipFile(wrong, "a") as opened:
        opened.writestr("../outside.txt", "outside")
    with pytest.raises(ValueError, match="Unsafe path"):
        download(name=made.name, url=wrong.as_uri(), bundle_dir=str(tmp_path / "in"), progress=False)
    assert not (tmp_path / "outside.txt").exists()


@pytest.fixture
def hub():
    pytest.importorskip("huggingface_hub")
    with serve_hub() as hub:
        yield hub


def call(hub, cwd, *arguments, token=None):
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(cwd / "hf"),
        "HF_TOKEN": token or hub.token,
        # The stand-in knows the plain protocol only.
        "HF_HUB_DISABLE_XET": "1",
    }
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def test_push_to_the_hub_and_back(made, hub, tmp_path):
    before = content(made)
    # MONAI 1.6 has no command for it.
    done = call(hub, tmp_path, "-c", PUSH, "group/phantom", made.parent, made.name)
    try:
        assert done.returncode == 0, done.stderr[-3000:]
        assert hub.repos["group/phantom"]["name"] == "phantom" and hub.tags == ["1.2.3"]
        # MONAI adds a card in front of the page.
        card = hub.files.pop("README.md").decode()
        assert card.startswith("---\ntags:\n- monai") and "license: apache-2.0" in card
        assert card.endswith(before["docs/README.md"].decode())
        assert hub.files == before
    finally:
        (made / "README.md").unlink(missing_ok=True)
    options = ["--name", made.name, "--source", "huggingface_hub", "--repo", "group/phantom", "--version", "1.2.3"]
    options += ["--bundle_dir", tmp_path / "back"]
    done = call(hub, tmp_path, "-m", "monai.bundle", "download", *options)
    assert done.returncode == 0, done.stderr[-3000:]
    back = {name: data for name, data in content(tmp_path / "back" / made.name).items() if not name.startswith(".")}
    assert back == before


def test_a_wrong_token_pushes_nothing(made, hub, tmp_path):
    done = call(hub, tmp_path, "-c", PUSH, "group/phantom", made.parent, made.name, token="hf_wrong")
    assert done.returncode != 0 and "Invalid credentials" in done.stderr
    assert not hub.repos and not hub.files and not (made / "README.md").exists()
