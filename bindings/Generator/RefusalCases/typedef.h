/* refused at 4: has type hd_rows */
#include <stdint.h>
typedef int32_t hd_rows;
int32_t hd_f(hd_rows x);
