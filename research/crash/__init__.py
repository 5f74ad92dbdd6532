"""Real processes, a real record, SIGKILL at named points of the order path, judged by the venue."""
