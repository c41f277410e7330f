/* refused at 4: has type enum hd_e */
#include <stdint.h>
typedef enum hd_e { HD_E_ONE = 1 } hd_e;
int32_t hd_f(hd_e x);
