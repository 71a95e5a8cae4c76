"""Names of what one explanation holds: its data, its networks, and the controls compared."""

from __future__ import annotations

from hmmlens.report.explain.tables import CONTROL_ROLES

#: Roles that are compared, in the order of figures and tables.
ROLES = ("trained", "untrained", *CONTROL_ROLES)
#: Role -> name in figures and sentences.
ROLE_NAMES = {role: role for role in ROLES} | {"untrained": "untrained control"}
#: Name of the dataset, as in the folder of a study.
DATASET = "sequences"
#: Role -> name of the network, as in the folder of a study.
NETWORKS = {"trained": "network", "untrained": "network-untrained"}
