// Stands for a library that is not on the machine.
int absent() { return 0; }
