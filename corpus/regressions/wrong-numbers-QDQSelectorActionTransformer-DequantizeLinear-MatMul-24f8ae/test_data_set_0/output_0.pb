
ByJbצד¸dQח