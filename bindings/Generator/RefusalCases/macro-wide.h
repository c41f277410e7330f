/* refused at 2: 32-bit integer */
#define HD_X 0x80000000
