/* The generator's own <stddef.h>: declared so that a use of these types is refused by name. */
#pragma once
typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ptrdiff_t;
#define NULL ((void*)0)
