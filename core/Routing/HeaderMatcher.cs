using LowLatency.Core.Messages;

namespace LowLatency.Core.Routing;

/// <summary>One header that a binding asks for.</summary>
internal readonly struct HeaderCondition(byte[] name, FieldValue value)
{
    internal byte[] Name { get; } = name;

    internal uint NameHash { get; } = (uint)RouteHash.Of(name, RouteHash.ProcessSeed);

    /// <summary>Of class void: any value does.</summary>
    internal HeaderValue Value { get; } = new(value, RouteHash.ProcessSeed);

    internal byte[] Bytes { get; } = value.Bytes.ToArray();
}

/// <summary>The arguments of a binding from a headers exchange, compiled. Rule B4.</summary>
internal sealed class HeaderMatcher
{
    private readonly HeaderCondition[] _conditions;
    private readonly bool _any;

    /// <param name="arguments">Valid, and without a <see cref="Problem"/>.</param>
    internal HeaderMatcher(ReadOnlySpan<byte> arguments)
    {
        TryGetKind(arguments, out _any, out bool withX);
        var conditions = new List<HeaderCondition>();
        var reader = new FieldTableReader(arguments);
        while (reader.Read())
        {
            bool isCompared = !reader.Name.StartsWith("x-"u8) || (withX && !reader.Name.SequenceEqual("x-match"u8));
            if (isCompared)
                conditions.Add(new HeaderCondition(reader.Name.ToArray(), reader.Value));
        }
        _conditions = [.. conditions];
    }

    /// <summary>What is wrong with a binding's arguments, as a sentence, or null.</summary>
    internal static string? Problem(ReadOnlySpan<byte> arguments)
    {
        if (TryGetKind(arguments, out _, out _))
            return null;
        FieldTableReader.TryFind(arguments, "x-match"u8, out FieldValue value);
        return ArgumentReader.Wrong("x-match"u8, value, "all, any, all-with-x or any-with-x is allowed");
    }

    internal bool IsMatch(HeaderIndex index, ReadOnlySpan<byte> entries)
    {
        foreach (ref readonly HeaderCondition condition in _conditions.AsSpan())
        {
            if (index.IsMatch(entries, in condition) == _any)
                return _any;
        }
        return !_any;
    }

    private static bool TryGetKind(ReadOnlySpan<byte> arguments, out bool any, out bool withX)
    {
        any = false;
        withX = false;
        if (!FieldTableReader.TryFind(arguments, "x-match"u8, out FieldValue value))
            return true;
        ReadOnlySpan<byte> kind = value.Bytes;
        any = kind.StartsWith("any"u8);
        withX = kind.EndsWith("-with-x"u8);
        return value.Type == FieldType.LongString
            && (kind.SequenceEqual("all"u8) || kind.SequenceEqual("any"u8) || kind.SequenceEqual("all-with-x"u8) || kind.SequenceEqual("any-with-x"u8));
    }
}
