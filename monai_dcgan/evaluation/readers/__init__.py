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
"""Blinded reader studies: one page for a browser, a key that stays with the study's leader, and the scores."""

from __future__ import annotations

from monai_dcgan.evaluation.readers.files import load_answers, load_key
from monai_dcgan.evaluation.readers.make import make_reader_page
from monai_dcgan.evaluation.readers.page import render_page
from monai_dcgan.evaluation.readers.report import readers_markdown, write_scores
from monai_dcgan.evaluation.readers.score import score_readers
from monai_dcgan.evaluation.readers.study import Candidates, Study, make_study

__all__ = [
    "Candidates",
    "Study",
    "load_answers",
    "load_key",
    "make_reader_page",
    "make_study",
    "readers_markdown",
    "render_page",
    "score_readers",
    "write_scores",
]
