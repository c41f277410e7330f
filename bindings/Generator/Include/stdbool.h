/* The generator's own <stdbool.h>: declared so that a use of bool is refused by name. */
#pragma once
#define bool _Bool
#define true 1
#define false 0
