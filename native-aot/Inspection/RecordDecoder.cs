using LowLatency.Core.Journal;

namespace LowLatency.Server.Inspection;

/// <summary>Writes the fields of a body. The record is whole; its body has at least the fields that a broker of this version writes.</summary>
internal delegate void FieldsWriter(RecordJson json, in JournalRecord record);

/// <summary>The time that a body tells. Unix time in nanoseconds; 0 for none.</summary>
internal delegate long TimeReader(ReadOnlySpan<byte> body);

/// <summary>Whether a record is about one of these queues.</summary>
internal delegate bool QueueTest(in JournalRecord record, HashSet<uint> queues);

/// <summary>How tools show records of one type. All of them stand in <see cref="RecordDecoders"/>.</summary>
internal sealed class RecordDecoder(RecordType type, FieldsWriter write)
{
    internal RecordType Type { get; } = type;

    internal FieldsWriter Write { get; } = write;

    /// <summary>Most bodies tell none.</summary>
    internal TimeReader Time { get; init; } = static _ => 0;

    /// <summary>By the stream id, unless a type has its queues elsewhere.</summary>
    internal QueueTest Concerns { get; init; } = static (in JournalRecord record, HashSet<uint> queues) => record.StreamId != 0 && queues.Contains(record.StreamId);
}
