/* refused at 2: not valid C */
class hd_c {};
