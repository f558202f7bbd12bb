
By1Jt¸