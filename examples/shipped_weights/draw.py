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
"""Draw the first slices of every class of a generator, unchosen, with the contours of their masks.

python examples/shipped_weights/draw.py --out docs/pictures/shipped.png
"""

from __future__ import annotations

import argparse

import numpy as np

from monai_dcgan.data import generate_arrays
from monai_dcgan.utils.pictures import grid, save_png
from monai_dcgan.workflow import bundle_root, inference_workflow


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=bundle_root(), help="run or bundle (default: the generator of the package)")
    parser.add_argument("--out", required=True, help="PNG file")
    parser.add_argument("--columns", type=int, default=10, help="slices in a row")
    parser.add_argument("--rows", type=int, default=2, help="rows of every class")
    parser.add_argument("--seed", type=int, default=0, help="seed of the slices")
    args = parser.parse_args()
    names = inference_workflow(args.model).parser.get_parsed_content("class_names")
    turns = max(len(names), 1)
    images, masks = generate_arrays(args.model, num_slices=turns * args.columns * args.rows, seed=args.seed)
    order = np.arange(len(images)).reshape(-1, turns).T.ravel()
    save_png(grid(images[order], masks[order], columns=args.columns), args.out)
    print(f"{args.out}: {args.rows} rows of every class: {', '.join(names) or 'the only one'}")


if __name__ == "__main__":
    main()
