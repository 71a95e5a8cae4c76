"""The application: configs, jobs, paths of results, cluster and plan."""
