using System.Runtime.InteropServices;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Server.Inspection;

/// <summary>Fields of records that tell what became of messages, by their sequences.</summary>
internal static class RangeFields
{
    internal static void Write(RecordJson json, in JournalRecord record)
    {
        json.Queue(record.StreamId);
        json.Ranges("sequences", Ranges(record.Body));
    }

    internal static void WriteDelivered(RecordJson json, in JournalRecord record)
    {
        json.Json.WriteStartArray("queues");
        for (ReadOnlySpan<byte> rest = record.Body; rest.Length > 0;)
        {
            json.Json.WriteStartObject();
            json.Queue(NextDelivered(ref rest, out long cursor, out ReadOnlySpan<SequenceRange> ranges));
            if (cursor != 0)
                json.Json.WriteNumber("deliveredBefore", cursor);
            if (ranges.Length > 0)
                json.Ranges("sequences", ranges);
            json.Json.WriteEndObject();
        }
        json.Json.WriteEndArray();
    }

    internal static bool DeliveredConcerns(in JournalRecord record, HashSet<uint> queues)
    {
        for (ReadOnlySpan<byte> rest = record.Body; rest.Length > 0;)
        {
            if (queues.Contains(NextDelivered(ref rest, out _, out _)))
                return true;
        }
        return false;
    }

    internal static void WriteDrop(RecordJson json, in JournalRecord record)
    {
        json.Queue(record.StreamId);
        json.Json.WriteString("reason", ReasonOf(record.Body).ToString());
        json.Ranges(IsOfScheduled(record.Body) ? "scheduleNumbers" : "sequences", DroppedRanges(record.Body));
    }

    internal static ReadOnlySpan<SequenceRange> DroppedRanges(ReadOnlySpan<byte> drop) => Ranges(drop[DropLayout.Ranges..]);

    internal static DropReason ReasonOf(ReadOnlySpan<byte> drop) => (DropReason)drop[DropLayout.Reason];

    internal static bool IsOfScheduled(ReadOnlySpan<byte> drop) => drop[DropLayout.OfScheduled] != 0;

    internal static long DropTime(ReadOnlySpan<byte> body) => MemoryMarshal.Read<long>(body[DropLayout.TimeNs..]);

    internal static void WriteDefer(RecordJson json, in JournalRecord record)
    {
        json.Queue(record.StreamId);
        json.Ranges("sequences", Ranges(record.Body[DropLayout.DeferRanges..]));
    }

    internal static long DeferTime(ReadOnlySpan<byte> body) => MemoryMarshal.Read<long>(body);

    internal static void WriteDue(RecordJson json, in JournalRecord record)
    {
        json.Queue(record.StreamId);
        json.Json.WriteStartArray("due");
        foreach (DuePair pair in Due(record.Body))
        {
            json.Json.WriteStartObject();
            json.Json.WriteNumber("scheduleNumber", pair.ScheduleNumber);
            json.Json.WriteNumber("sequence", pair.Sequence);
            json.Json.WriteEndObject();
        }
        json.Json.WriteEndArray();
    }

    internal static ReadOnlySpan<DuePair> Due(ReadOnlySpan<byte> body) => MemoryMarshal.Cast<byte, DuePair>(body);

    internal static ReadOnlySpan<SequenceRange> Ranges(ReadOnlySpan<byte> bytes) => MemoryMarshal.Cast<byte, SequenceRange>(bytes);

    private static uint NextDelivered(ref ReadOnlySpan<byte> rest, out long cursor, out ReadOnlySpan<SequenceRange> ranges)
    {
        uint queue = MemoryMarshal.Read<uint>(rest[DeliveredLayout.QueueId..]);
        int length = MemoryMarshal.Read<int>(rest[DeliveredLayout.RangeCount..]) * SequenceRange.Length;
        cursor = MemoryMarshal.Read<long>(rest[DeliveredLayout.Cursor..]);
        ranges = Ranges(rest.Slice(DeliveredLayout.HeaderLength, length));
        rest = rest[(DeliveredLayout.HeaderLength + length)..];
        return queue;
    }
}

/// <summary>A scheduled message that became due, as it stands in a <c>Due</c> record.</summary>
[StructLayout(LayoutKind.Sequential, Size = DropLayout.DuePairLength)]
internal readonly struct DuePair
{
    internal readonly long ScheduleNumber;
    internal readonly long Sequence;
}
