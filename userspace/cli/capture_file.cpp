// SPDX-License-Identifier: Apache-2.0
#include "cli/capture_file.hpp"

namespace guideway::cli {

namespace {
constexpr int kSnapLength = 262144;
}

Result<CaptureReader> CaptureReader::open(const std::string& path) {
    char error[PCAP_ERRBUF_SIZE] = {};
    CaptureReader reader;
    reader.capture_.reset(
        pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error));
    if (!reader.capture_)
        return fail("read capture {}: {}", path, error);
    const int link_type = pcap_datalink(reader.capture_.get());
    if (link_type != DLT_EN10MB) {
        const char* name = pcap_datalink_val_to_name(link_type);
        return fail("read capture {}: its frames are {}, expected Ethernet", path,
                    name ? name : "of an unknown kind");
    }
    return reader;
}

std::optional<CapturedFrame> CaptureReader::next() {
    pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    const int result = pcap_next_ex(capture_.get(), &header, &data);
    if (result == 1)
        return CapturedFrame{header->ts, {data, header->caplen}};
    if (result == PCAP_ERROR)
        truncation_ = pcap_geterr(capture_.get());
    return std::nullopt;
}

Result<CaptureWriter> CaptureWriter::create(const std::string& path) {
    CaptureWriter writer;
    writer.path_ = path;
    writer.format_.reset(
        pcap_open_dead_with_tstamp_precision(DLT_EN10MB, kSnapLength, PCAP_TSTAMP_PRECISION_NANO));
    writer.dumper_.reset(pcap_dump_open(writer.format_.get(), path.c_str()));
    if (!writer.dumper_)
        return fail("write capture {}: {}", path, pcap_geterr(writer.format_.get()));
    return writer;
}

void CaptureWriter::write(const timeval& time, std::span<const std::uint8_t> frame) {
    const auto length = static_cast<bpf_u_int32>(frame.size());
    const pcap_pkthdr header{.ts = time, .caplen = length, .len = length};
    pcap_dump(reinterpret_cast<u_char*>(dumper_.get()), &header, frame.data());
}

Result<void> CaptureWriter::close() {
    const int flushed = pcap_dump_flush(dumper_.get());
    dumper_.reset();
    if (flushed != 0)
        return fail("write capture {}: {}", path_, errno_text());
    return {};
}

}  // namespace guideway::cli
