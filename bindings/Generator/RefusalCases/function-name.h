/* refused at 3: must begin with hd_ */
#include <stdint.h>
int32_t run(void);
