"""Words and ports: messages, money, instruments, calendar, configuration, the strategy API."""
