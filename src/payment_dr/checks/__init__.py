"""From a drill's history and the four sources of truth to a verdict with witnesses; pure."""
