using LowLatency.Core.Engine;
using LowLatency.Core.Messages;

namespace LowLatency.Core.Routing;

/// <summary>Reads an exchange's declaration, and says where two differ. Control plane: allocates.</summary>
internal static class ExchangeArguments
{
    /// <summary>Reads kind, flags and arguments.</summary>
    /// <param name="kind">One that can be declared.</param>
    /// <param name="table">Entries of a field table, valid.</param>
    /// <param name="options">What they say; null when there is a problem.</param>
    /// <returns>What is wrong with an argument, as a sentence, or null.</returns>
    internal static string? Parse(ExchangeKind kind, ExchangeFlags flags, ReadOnlySpan<byte> table, out ExchangeOptions? options)
    {
        options = null;
        byte[]? alternate = null;
        byte[]? hashHeader = null;
        HashProperty property = HashProperty.None;
        string? problem = ArgumentReader.Text(table, "alternate-exchange"u8, "the name of an exchange", ref alternate);
        if (kind == ExchangeKind.ConsistentHash)
            problem ??= ArgumentReader.Text(table, "hash-header"u8, "the name of a header", ref hashHeader) ?? Property(table, ref property);
        if (problem != null)
            return problem;
        if (hashHeader != null && property != HashProperty.None)
            return $"Argument hash-header is '{NameRules.Text(hashHeader)}' beside hash-property '{Name(property)}': only one of the two is allowed.";
        options = new ExchangeOptions
        {
            Kind = kind,
            Durable = (flags & ExchangeFlags.Durable) != 0,
            Internal = (flags & ExchangeFlags.Internal) != 0,
            AutoDelete = (flags & ExchangeFlags.AutoDelete) != 0,
            Alternate = alternate,
            HashHeader = hashHeader,
            HashProperty = property,
            Arguments = table.ToArray(),
        };
        return null;
    }

    /// <summary>The first difference between an exchange and another declaration of it, as part of a sentence: <c>kind = direct, not topic</c>.</summary>
    /// <returns>Null when they mean the same.</returns>
    internal static string? Difference(ExchangeOptions existing, ExchangeOptions wanted) =>
        Compare("kind", Name(existing.Kind), Name(wanted.Kind))
        ?? Compare("durable", Word(existing.Durable), Word(wanted.Durable))
        ?? Compare("auto-delete", Word(existing.AutoDelete), Word(wanted.AutoDelete))
        ?? Compare("internal", Word(existing.Internal), Word(wanted.Internal))
        ?? Compare("alternate-exchange", Text(existing.Alternate), Text(wanted.Alternate))
        ?? Compare("hash-header", Text(existing.HashHeader), Text(wanted.HashHeader))
        ?? Compare("hash-property", Name(existing.HashProperty), Name(wanted.HashProperty));

    internal static string Name(ExchangeKind kind) => kind switch
    {
        ExchangeKind.Direct => "direct",
        ExchangeKind.Fanout => "fanout",
        ExchangeKind.Topic => "topic",
        ExchangeKind.Headers => "headers",
        ExchangeKind.ConsistentHash => "consistent-hash",
        _ => "default",
    };

    private static string? Property(ReadOnlySpan<byte> table, ref HashProperty property)
    {
        if (!FieldTableReader.TryFind(table, "hash-property"u8, out FieldValue field))
            return null;
        if (field.Type == FieldType.LongString)
        {
            property = field.Bytes switch
            {
                _ when field.Bytes.SequenceEqual("message_id"u8) => HashProperty.MessageId,
                _ when field.Bytes.SequenceEqual("correlation_id"u8) => HashProperty.CorrelationId,
                _ when field.Bytes.SequenceEqual("timestamp"u8) => HashProperty.Timestamp,
                _ => HashProperty.None,
            };
        }
        return property != HashProperty.None ? null : ArgumentReader.Wrong("hash-property"u8, field, "message_id, correlation_id or timestamp is allowed");
    }

    private static string Name(HashProperty property) => property switch
    {
        HashProperty.MessageId => "message_id",
        HashProperty.CorrelationId => "correlation_id",
        HashProperty.Timestamp => "timestamp",
        _ => "none",
    };

    private static string? Compare(string name, string existing, string wanted) => existing == wanted ? null : $"{name} = {existing}, not {wanted}";

    private static string Word(bool value) => value ? "true" : "false";

    private static string Text(byte[]? value) => value == null ? "none" : $"'{NameRules.Text(value)}'";
}
