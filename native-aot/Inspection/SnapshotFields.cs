using System.Runtime.InteropServices;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;

namespace LowLatency.Server.Inspection;

/// <summary>Fields of records that are about the journal itself.</summary>
internal static class SnapshotFields
{
    internal static void WriteMarker(RecordJson json, in JournalRecord record)
    {
        ReadOnlySpan<byte> body = record.Body;
        json.Json.WriteNumber("durablePosition", MemoryMarshal.Read<long>(body[MarkerLayout.DurablePosition..]));
        json.Json.WriteNumber("oldestSegment", MemoryMarshal.Read<uint>(body[MarkerLayout.OldestSegment..]));
        json.Json.WriteString("flags", MemoryMarshal.Read<MarkerFlags>(body[MarkerLayout.Flags..]).ToString());
        json.Json.WriteString("bootId", new Guid(body.Slice(MarkerLayout.BootId, 16)));
    }

    internal static void WriteRestart(RecordJson json, in JournalRecord record) =>
        json.Json.WriteBoolean("endWasLost", new ControlRecordReader(record.Body).U32() != 0);

    internal static void WriteBegin(RecordJson json, in JournalRecord record)
    {
        var reader = new ControlRecordReader(record.Body);
        json.Json.WriteNumber("nextVirtualHostId", reader.U32());
        json.Json.WriteNumber("nextQueueId", reader.U32());
        json.Json.WriteNumber("nextExchangeId", reader.U32());
        json.Json.WriteNumber("nextPublisherId", reader.U32());
    }

    internal static void WriteQueue(RecordJson json, in JournalRecord record)
    {
        var reader = new ControlRecordReader(record.Body);
        json.Queue(reader.U32());
        json.Json.WriteNumber("nextSequence", reader.I64());
        json.Json.WriteNumber("nextScheduleNumber", reader.I64());
    }

    internal static void WritePublisher(RecordJson json, in JournalRecord record)
    {
        var reader = new ControlRecordReader(record.Body);
        uint id = reader.U32();
        if (json.Names.Publisher(id) is { } name)
            json.Json.WriteString("publisher", name);
        json.Json.WriteNumber("publisherId", id);
        uint holes = reader.U32();
        json.Json.WriteNumber("lastSequence", reader.U64());
        json.Json.WriteNumber("lastPosition", reader.I64());
        json.Json.WriteStartArray("neverStored");
        for (uint i = 0; i < holes; i++)
        {
            json.Json.WriteStartArray();
            json.Json.WriteNumberValue(reader.U64());
            json.Json.WriteNumberValue(reader.U64());
            json.Json.WriteEndArray();
        }
        json.Json.WriteEndArray();
    }

    internal static void WriteGroup(RecordJson json, in JournalRecord record)
    {
        int count = 0;
        var group = new GroupReader(record.Body, record.Position);
        while (group.Read())
            count++;
        json.Json.WriteNumber("records", count);
    }
}
