ByJ£t
(ÏF?£t
(ÏF?