// A plug-in that cannot be opened, for want of a library.
int absent();

extern "C" const char* qrun_plugin_version() { return absent() == 0 ? "" : "other"; }
