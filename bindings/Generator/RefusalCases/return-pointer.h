/* refused at 3: hd_name must return int32_t */
#include <stdint.h>
const char* hd_name(void);
