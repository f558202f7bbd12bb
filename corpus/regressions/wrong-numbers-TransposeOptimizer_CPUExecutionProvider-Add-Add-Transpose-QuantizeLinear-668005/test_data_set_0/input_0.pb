
Bm_x_2JÓ*