/* refused at 3: macro HD_X is "3u" */
#define HD_A 1
#define HD_X 3u
