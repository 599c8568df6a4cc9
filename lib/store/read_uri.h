// How SQLite is to open a database that is only read.
#ifndef MAILTAP_LIB_STORE_READ_URI_H_
#define MAILTAP_LIB_STORE_READ_URI_H_

#include <string>

namespace mailtap::store {

// The URI of `path` (SQLite, "URI Filenames"). In WAL mode readers write into its folder too.
// Where they may not, and no log lies there, the file is opened as one that nobody changes: a
// state kept as evidence, or on a read-only file system.
std::string UriToRead(const std::string& path);

}  // namespace mailtap::store

#endif  // MAILTAP_LIB_STORE_READ_URI_H_
