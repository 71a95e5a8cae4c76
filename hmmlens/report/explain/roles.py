"""Names of what one explanation holds: its data, its networks, and the controls compared."""

from __future__ import annotations

from hmmlens.report.explain.tables import CONTROL_ROLES

#: Roles that are compared, in the order of figures and tables.
ROLES = ("trained", "untrained", *CONTROL_ROLES)
#: Name of the dataset, as in the folder of a study.
DATASET = "sequences"
#: Role -> name of the network, as in the folder of a study.
NETWORKS = {"trained": "network", "untrained": "network-untrained"}
