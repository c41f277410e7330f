/* refused at 2: macro HD_SQUARE */
#define HD_SQUARE(x) ((x) * (x))
