"""Find the generator that minimises each objective, for growing batches."""

from pathlib import Path

import job
import numpy as np
import torch

from hmmlens.datasets.synthetic.generators import check_hmm
from hmmlens.emulation.analysis import objective_bias
from hmmlens.emulation.settings import Bias
from hmmlens.study import emulation_folders

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params = snakemake.params
bias = Bias(**params.bias)
batches = dict(zip(bias.batch_sizes, bias.n_draws, strict=True))
hmm = check_hmm(*params.target)
samples = objective_bias.values(hmm, bias.n_steps, params.seed, bias.objectives, batches)
rng = np.random.default_rng(params.seed)
tables = {
    "values": samples,
    "summary": objective_bias.summary(samples),
    "best_factor": objective_bias.best_factor(samples, rng),
    "shrinkage": objective_bias.shrinkage(samples, rng),
}
for name in ("best_factor", "shrinkage"):
    log.info("%s\n%s", name, tables[name].to_string(index=False))
emulation_folders.write_step(tables, Path(snakemake.output[0]))
