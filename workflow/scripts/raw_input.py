"""Put a dataset's own inputs where a reduction would be."""

import job
import numpy as np
import xarray as xr

from hmmlens import activations, store

log = job.start(snakemake)
data = store.read(job.store(snakemake.input.sequences), "sequences")
chosen = activations.thin(
    data["split"].to_numpy(), data["length"].to_numpy(), snakemake.params.max_frames
)
part = data.isel(sequence=chosen)
symbols = data.attrs["input_kind"] == "symbols"
values = part["input"].to_numpy().astype(np.int64 if symbols else np.float64)
dims = ("sequence", "time") if symbols else ("sequence", "time", "component")
result = xr.Dataset(
    {
        "reduced": (dims, values),
        "length": ("sequence", part["length"].to_numpy()),
        "split": ("sequence", part["split"].to_numpy()),
    },
    attrs={"exploratory": False, "emission": "categorical" if symbols else "gaussian"},
)
store.write(result, job.store(snakemake.output[0]), "reduced", job.made_by(snakemake))
log.info("%d sequences", len(chosen))
