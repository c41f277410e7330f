/* refused at 2: hd_f must return int32_t */
void hd_f(void);
