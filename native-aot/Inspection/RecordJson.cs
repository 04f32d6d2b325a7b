using System.Text.Json;
using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Server.Inspection;

/// <summary>Writes records as JSON objects: what is the same for all types, and the parts that several types have.</summary>
internal sealed class RecordJson(Utf8JsonWriter json, JournalNames names, int segmentSize)
{
    internal Utf8JsonWriter Json { get; } = json;

    internal JournalNames Names { get; } = names;

    /// <summary>Whether properties and header tables of messages are wanted.</summary>
    internal bool WithHeaders { get; init; }

    /// <summary>Whether bodies of messages are wanted.</summary>
    internal bool WithPayload { get; init; }

    /// <summary>Writes one record as an object.</summary>
    internal void Write(in JournalRecord record)
    {
        RecordDecoder? decoder = RecordDecoders.Find(record.Type);
        Json.WriteStartObject();
        Json.WriteNumber("position", record.Position);
        Json.WriteNumber("segment", record.Position / segmentSize);
        Json.WriteString("type", decoder == null ? $"{(int)record.Type}" : record.Type.ToString());
        Json.WriteNumber("epoch", record.Epoch);
        if (record.GroupPosition != 0)
            Json.WriteNumber("group", record.GroupPosition);
        if (decoder?.Time(record.Body) is { } time and not 0)
            Time("time", time);
        if (decoder != null)
            decoder.Write(this, record);
        else
            Json.WriteBase64String("bodyBase64", record.Body); // Of a newer broker.
        Json.WriteEndObject();
    }

    internal void Time(string name, long ns) => Json.WriteString(name, JournalTime.Format(ns));

    /// <summary>A queue by name and id. No name: it is not durable, or was deleted before the record was written.</summary>
    internal void Queue(uint id)
    {
        if (Names.Queue(id) is { } name)
            Json.WriteString("queue", name);
        Json.WriteNumber("queueId", id);
    }

    internal void Exchange(string property, uint id)
    {
        if (Names.Exchange(id) is { } name)
            Json.WriteString(property, name);
        else
            Json.WriteNumber(property + "Id", id);
    }

    /// <summary>Sequences as an array of first and last: <c>[[5,9],[12,12]]</c>.</summary>
    internal void Ranges(string property, ReadOnlySpan<SequenceRange> ranges)
    {
        Json.WriteStartArray(property);
        foreach (ref readonly SequenceRange range in ranges)
        {
            Json.WriteStartArray();
            Json.WriteNumberValue(range.First);
            Json.WriteNumberValue(range.First + range.Count - 1);
            Json.WriteEndArray();
        }
        Json.WriteEndArray();
    }

    /// <summary>A table of arguments; nothing where it is empty.</summary>
    internal void Arguments(ReadOnlySpan<byte> entries)
    {
        if (entries.IsEmpty)
            return;
        Json.WritePropertyName("arguments");
        FieldJson.Table(Json, entries);
    }
}
