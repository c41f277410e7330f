/* refused at 4: hd_e.HD_E_WIDE does not fit */
typedef enum hd_e {
  HD_E_ONE = 1,
  HD_E_WIDE = 0x80000000
} hd_e;
