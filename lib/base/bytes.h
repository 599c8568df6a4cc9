// Byte counts as people write them.
#ifndef MAILTAP_LIB_BASE_BYTES_H_
#define MAILTAP_LIB_BASE_BYTES_H_

#include <cstdint>
#include <string>

namespace mailtap {

// Three significant digits in decimal units: 0 -> "0 B", 52'428'800 -> "52.4 MB".
std::string FormatBytes(uint64_t bytes);

// Three significant digits without a unit's B: 1'234'567 -> "1.23 M".
std::string FormatCount(uint64_t count);

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_BYTES_H_
