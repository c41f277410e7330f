/* refused at 2: no name */
enum { HD_X = 1 };
