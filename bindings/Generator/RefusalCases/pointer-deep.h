/* refused at 3: three levels deep */
#include <stdint.h>
int32_t hd_f(float*** x);
